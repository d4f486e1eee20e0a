"""The watch over sandboxes."""

import time

from sundbench.sandbox import watch


def test_looks_until_it_is_enough_and_bugs_don_t_stop_it(caplog):
    looks = {"short": 0, "broken": 0}

    def short():
        looks["short"] += 1
        return looks["short"] < 3

    def broken():
        looks["broken"] += 1
        if looks["broken"] < 3:
            raise ZeroDivisionError
        return False

    watch.watch(broken)
    watch.watch(short)
    until = time.monotonic() + 60
    while looks != {"short": 3, "broken": 3} and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    assert looks == {"short": 3, "broken": 3}
    assert "could not be looked after" in caplog.text
