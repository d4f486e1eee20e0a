"""Numbers that are each safe and together are not."""

from collections.abc import Callable

import pandas as pd

from sundbench.disclosure.suppression import suppress
from sundbench.release.outputs import Outputs

Stopped = Callable[..., str]


def test_a_total_in_one_output_and_a_part_in_another(out: Outputs, stopped: Stopped) -> None:
    out.counts("everyone", pd.DataFrame({"group": ["all"], "persons": [8]}), by=["group"])
    out.counts("men", pd.DataFrame({"sex": ["men"], "persons": [7]}), by=["sex"])
    assert "together they give away 1" in stopped()


def test_cells_that_fall_short_of_their_total(out: Outputs, stopped: Stopped) -> None:
    rows = [("men", 50), ("women", 60), ("total", 112)]
    out.counts("sex", pd.DataFrame(rows, columns=["sex", "persons"]), by=["sex"])
    assert "sum over sex: 110 persons, and 112 in sex (sex=total): together they give away 2" in stopped()


def test_two_tables_one_person_apart(out: Outputs, stopped: Stopped) -> None:
    for name, women in (("first", 60), ("second", 61)):
        out.counts(name, pd.DataFrame({"sex": ["men", "women"], "persons": [50, women]}), by=["sex"])
    assert "sex=women: 61 persons, and 60 in first" in stopped()


def test_a_characteristic_that_a_few_lack(out: Outputs, stopped: Stopped) -> None:
    rows = [("a", "persons", "total", 400), ("a", "age", "", 398)]
    frame = pd.DataFrame(rows, columns=["arm", "characteristic", "level", "persons"])
    out.counts("baseline", frame, by=["arm", "characteristic", "level"], exclusive=False)
    out.counts("arms", pd.DataFrame({"arm": ["a"], "persons": [400]}), by=["arm"])
    assert "together they give away 2" in stopped()


def test_being_in_a_model_is_a_group_too(out: Outputs, stopped: Stopped) -> None:
    out.counts("everyone", pd.DataFrame({"group": ["all"], "persons": [400]}), by=["group"])
    out.estimates("hr", pd.DataFrame({"hr": [0.8]}), persons=397)
    assert "together they give away 3" in stopped()


def test_a_margin_published_apart_from_its_suppressed_table(out: Outputs, stopped: Stopped) -> None:
    rows = [("a", 10), ("b", 5), ("c", None), ("d", None)]
    out.counts("regions", pd.DataFrame(rows, columns=["region", "persons"]), by=["region"])
    assert stopped() == ""
    out.counts("everyone", pd.DataFrame({"group": ["all"], "persons": [18]}), by=["group"])
    assert "region=c, persons: the suppressed cell can be worked out to lie between 0 and 3" in stopped()


def test_a_suppressed_table_of_ours_passes_beside_its_totals(out: Outputs, stopped: Stopped) -> None:
    cells = [
        (r, c, n)
        for r, row in zip("abc", [(20, 3, 15), (8, 9, 30), (0, 12, 7)], strict=True)
        for c, n in zip("xyz", row, strict=True)
    ]
    table = suppress(pd.DataFrame(cells, columns=["row", "column", "persons"]), by=["row", "column"])
    out.counts("table", table, by=["row", "column"])
    out.counts("everyone", pd.DataFrame({"group": ["all"], "persons": [104]}), by=["group"])
    assert stopped() == ""


def test_overlapping_rows_are_not_added_up(out: Outputs, stopped: Stopped) -> None:
    rows = [("diabetes", 50), ("asthma", 53)]
    frame = pd.DataFrame(rows, columns=["condition", "persons"])
    out.counts("conditions", frame, by=["condition"], exclusive=False)
    out.counts("everyone", pd.DataFrame({"group": ["all"], "persons": [105]}), by=["group"])
    assert stopped() == ""
