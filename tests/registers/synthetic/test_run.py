"""The whole synthesis: the same bytes every time, all or nothing, and clear refusals."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sundbench.errors import SundbenchError
from sundbench.registers.catalogue import catalogue
from sundbench.registers.delivery import read_delivery
from sundbench.registers.synthetic.run import synthesize


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes_with_one_worker_and_with_two(delivery: Path, tmp_path: Path):
    synthesize(tmp_path / "two", persons=2_600, years=(2015, 2022), seed=7, workers=2)
    assert digests(tmp_path / "two") == digests(delivery)


def test_another_seed_gives_other_persons(tmp_path: Path):
    for seed in (1, 2):
        synthesize(tmp_path / str(seed), persons=60, years=(2020, 2020), seed=seed, workers=1)
    one, two = ((tmp_path / seed / "bef2020.csv").read_text() for seed in "12")
    assert one != two


def test_the_reader_of_deliveries_knows_every_file(delivery: Path):
    read = read_delivery(delivery, catalogue())
    assert read.unknown == ("truth.json",)
    assert set(read.registers) == set(catalogue()) - {"sysi", "dodsaars"}  # which ended before 2015
    assert read.settings.person_identifiers == "cpr"
    assert read.settings.person_changes == "person_changes.csv"


@pytest.mark.parametrize("persons", [1, 2, 100])
def test_few_persons_are_enough(persons: int, tmp_path: Path):
    truth = synthesize(tmp_path / "few", persons=persons, years=(2019, 2019), workers=1)
    assert truth["synthesis"]["persons"] == persons
    assert json.loads((tmp_path / "few" / "truth.json").read_text()) == truth


def test_what_cannot_be_synthesized_is_refused_in_one_line(tmp_path: Path):
    for wrong, said in (
        ({"persons": 0}, "at least 1"),
        ({"persons": 10, "years": (2020, 2019)}, "the first first"),
        ({"persons": 10, "years": (1980, 2019)}, "1995"),
        ({"persons": 10, "seed": -1}, "seed"),
    ):
        with pytest.raises(SundbenchError, match=said) as refused:
            synthesize(tmp_path / "out", **wrong)
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SundbenchError, match="not empty"):
        synthesize(tmp_path, persons=10)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_killed_synthesis_leaves_nothing_that_looks_finished_and_a_second_attempt_works(tmp_path: Path):
    out = tmp_path / "out"
    program = (
        "import pathlib, sundbench.registers.synthetic.run as s; "
        f"s.synthesize(pathlib.Path({str(out)!r}), persons=50_000, years=(2019, 2020), workers=1)"
    )
    child = subprocess.Popen([sys.executable, "-c", program])
    while not list(tmp_path.glob(".out.*.making/*")) and child.poll() is None:
        time.sleep(0.05)
    child.kill()
    assert child.wait() == -signal.SIGKILL, "it was at work"
    assert not out.exists()
    synthesize(out, persons=20, years=(2020, 2020), workers=1)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_killed_worker_is_one_clear_line_and_leaves_nothing(tmp_path: Path):
    out = tmp_path / "out"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(synthesize, out, persons=30_000, years=(2019, 2021), workers=2)
        while not multiprocessing.active_children() and not running.done():
            time.sleep(0.02)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        with pytest.raises(SundbenchError, match="a worker was killed") as stopped:
            running.result()
    assert "\n" not in str(stopped.value)
    assert list(tmp_path.iterdir()) == []
