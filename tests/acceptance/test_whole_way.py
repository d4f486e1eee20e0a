"""From deliveries to a published report: what each user finds at the end, and what is nowhere to be found."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.acceptance.conftest import PATIENCE, Demo, sundbench

pytestmark = PATIENCE


def only(folder: Path) -> str:
    (one,) = (path.name for path in folder.iterdir() if not path.name.startswith("."))
    return one


def test_the_demo_prints_each_estimate_beside_the_planted_truth(demo: Demo) -> None:
    truth = json.loads((demo.home / "delivery" / "truth.json").read_text())["oncology"]["all"]["incremental"]
    assert f"{truth['3']['cost']['total']:,.0f}" in demo.output
    assert f"{truth['3']['life_years']:,.3f}" in demo.output
    assert f"{truth['3']['icer']:,.0f}" in demo.output


def test_the_demo_ends_with_the_path_of_a_report(demo: Demo) -> None:
    (page,) = re.findall(r"^report: (.+)$", demo.output, re.MULTILINE)
    assert Path(page).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


def test_the_rows_of_the_freeze_add_up(demo: Demo) -> None:
    for source in json.loads((demo.home / "freezes" / "demo" / "freeze.json").read_text())["sources"]:
        assert source["read"] == source["kept"] + sum(source["quarantined"].values()), source["file"]


def test_the_freeze_is_whole(demo: Demo) -> None:
    verified = sundbench("freeze", "verify", "demo", home=demo.home)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_the_run_gives_the_same_outputs_to_the_last_bit(demo: Demo) -> None:
    again = sundbench("run", "reproduce", only(demo.home / "runs"), home=demo.home)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the same to the last bit" in again.stdout


@pytest.fixture(scope="module")
def person_numbers(demo: Demo) -> set[str]:
    numbers = set()
    for path in (demo.home / "delivery").iterdir():
        if path.suffix == ".csv" and path.name.lower().startswith(("bef", "dod")):
            with path.open(encoding="latin-1", newline="") as lines:
                delimiter = ";" if ";" in lines.readline() else ","
                lines.seek(0)
                rows = csv.DictReader(lines, delimiter=delimiter)
                numbers |= {row["PNR" if "PNR" in row else "pnr"] for row in rows}
    assert len(numbers) > 4500
    return numbers


def test_no_person_number_stands_outside_delivery_and_vault(demo: Demo, person_numbers: set[str]) -> None:
    written = [
        path
        for path in demo.home.rglob("*")
        if path.is_file() and not {"delivery", "vault"} & set(path.relative_to(demo.home).parts)
    ]
    tables = [path for path in written if path.suffix == ".parquet"]
    assert len(tables) > 50
    for path in tables:
        for name, column in pl.read_parquet(path).select(pl.col(pl.String)).to_dict().items():
            assert person_numbers.isdisjoint(column.unique().to_list()), (path, name)
    for path in written:
        if path.suffix == ".parquet":
            continue
        digits = set(re.findall(rb"(?<!\d)\d{10}(?!\d)", path.read_bytes()))
        assert not {number.encode() for number in person_numbers} & digits, path


def test_the_vault_holds_no_readable_person_number(demo: Demo, person_numbers: set[str]) -> None:
    for path in (demo.home / "vault").rglob("*"):
        if path.is_file():
            assert not {number.encode() for number in person_numbers} & set(
                re.findall(rb"\d{10}", path.read_bytes())
            )


def test_no_pseudonym_is_a_national_index(demo: Demo) -> None:
    """The extract's numbers mean nothing in the freeze: they are drawn over all int32, not 0 to 8,000."""
    persons = pl.read_parquet(demo.home / "extracts/*/demo/bef/*.parquet")["person"].unique()
    assert persons.max() > 2**30
    assert (persons < 10_000).mean() < 0.01


def test_the_published_report_is_made_of_released_outputs_alone(demo: Demo) -> None:
    release = demo.home / "releases" / only(demo.home / "releases")
    kinds = {path.suffix for path in release.iterdir()}
    assert kinds == {".json", ".parquet", ".svg"}
    for path in release.glob("*.parquet"):
        assert "person" not in pl.read_parquet_schema(path), path


def test_the_report_says_first_that_its_persons_are_invented(demo: Demo) -> None:
    (page,) = (demo.home / "reports" / "drug_cost_effectiveness").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert text.index("Opfundne personer") < text.index("kr.")
    assert "Invented persons" in text


def test_a_folder_that_holds_something_else_is_not_cleaned(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    refused = sundbench("demo", home=tmp_path)
    assert refused.returncode == 1
    assert "holds no demo" in refused.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_help_starts_without_the_heavy_libraries() -> None:
    code = "import sys, sundbench.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"polars", "pandas", "duckdb", "dask"}.isdisjoint(loaded.stdout.split())
