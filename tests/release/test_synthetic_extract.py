"""A permit's synthetic extract: its shape, the people of the arms, and that it comes out the same again."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pandas as pd
import polars as pl
import pytest

import sundbench as sb
from sundbench.cli.main import main
from sundbench.errors import PermitError, StudyError
from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.registers.catalogue import catalogue
from sundbench.release import synthetic_extract as extracts
from sundbench.release.study import find
from sundbench.release.synthetic_extract import runnable, synthetic_extract
from sundbench.site import Site

POPULATION = """any = [
  { ever = { register = "cancer", column = "c_icd10", prefixes = ["C34"] } },
  { ever = { register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] } },
]"""


def permit_text(
    registers: dict[str, list[str]], population: str = POPULATION, since: str = "2010-01-01"
) -> str:
    text = f"""
id = "lungs"
title = {{ da = "Lunger", en = "Lungs" }}
purpose = "test"
basis = "none: invented"
members = [{{ user = "anna", role = "researcher" }}]
expires = 2999-01-01
period = {{ since = {since}, until = 2025-12-31 }}
[population]
{population}
"""
    return text + "".join(f"[registers.{name}]\ncolumns = {json.dumps(c)}\n" for name, c in registers.items())


@pytest.fixture
def registered(tmp_path: Path) -> Callable[[str], Site]:
    """An installation that has a permit and nothing else: no freeze, no vault, no key."""

    def make(text: str) -> Site:
        home = tmp_path / "home"
        site = Site(root=home, database_url=f"sqlite:///{home / 'sundbench.db'}")
        with database.writing(site) as session:
            permits.register(session, parse(text, "permit"), text, "steward")
        return site

    return make


@pytest.fixture
def needs(repository: Path) -> dict[str, list[str]]:
    """What the study of this repository asks of a permit."""
    study = find(repository / "analyses", "drug_cost_effectiveness")
    return {name: list(columns) for name, columns in study.about.permit.registers.items()}


def test_it_has_the_permits_registers_and_columns_and_no_others(registered):
    asked = {"lmdb": ["atc", "eksd"], "lpr_diag": ["c_diag"], "faik": ["famtype"]}
    made = synthetic_extract(registered(permit_text(asked)), "lungs", persons=300)
    assert sorted(path.name for path in made.path.iterdir()) == ["extract.json", *sorted(asked)]
    assert pl.read_parquet_schema(made.path / "lmdb" / "bucket-00000.parquet").names() == [
        "person",
        "eksd",
        "atc",
    ]
    # Its date is the contact's, which isn't approved.
    assert list(made.manifest["registers"]["lpr_diag"]["columns"]) == ["person", "c_diag"]
    assert made.manifest["synthetic"] is True
    assert made.manifest["persons"] == 300


def test_rows_are_sorted_within_the_period_and_under_pseudonyms_over_all_of_int32(registered):
    made = synthetic_extract(
        registered(permit_text({"lmdb": ["eksd", "atc"]}, since="2018-03-01")), "lungs", persons=300
    )
    rows = sb.connect(made.path).lazy("lmdb").collect()
    assert rows.equals(rows.sort("person", "eksd", "atc"))
    assert rows["eksd"].min() >= date(2018, 3, 1)
    assert rows["eksd"].max() <= date(2025, 12, 31)
    assert rows["person"].min() > 0
    assert rows["person"].max() > 2**30
    assert made.manifest["registers"]["lmdb"]["coverage"] == {"since": "2018-03-01", "until": "2025-12-31"}


def test_the_same_seed_gives_the_same_bytes_and_another_others(registered):
    site = registered(permit_text({"bef": ["referencetid", "koen"], "lpr_diag": ["c_diag"]}))
    first = synthetic_extract(site, "lungs", persons=200)
    before = {path.name: path.read_bytes() for path in first.path.rglob("*.*")}
    assert not synthetic_extract(site, "lungs", persons=200).made
    other = synthetic_extract(site, "lungs", persons=200, seed=2)
    assert other.made
    assert other.manifest["digest"] != first.manifest["digest"]
    again = synthetic_extract(site, "lungs", persons=200)
    assert {path.name: path.read_bytes() for path in again.path.rglob("*.*")} == before


def test_two_who_make_it_at_once_make_it_once(registered, monkeypatch):
    site = registered(permit_text({"lmdb": ["eksd", "atc"]}))
    both_draw, draw = Barrier(2), extracts._tables

    def drawing(*args: Any) -> Any:
        with suppress(BrokenBarrierError):  # the second may not draw before the first is done
            both_draw.wait(0.5)
        return draw(*args)

    monkeypatch.setattr(extracts, "_tables", drawing)
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda _: synthetic_extract(site, "lungs", persons=50), range(2)))

    assert sorted(one.made for one in made) == [False, True]
    assert made[0].manifest == made[1].manifest
    assert sorted(path.name for path in site.synthetic.iterdir()) == [".lungs.lock", "lungs"]


def test_people_are_of_the_permits_population(registered):
    site = registered(permit_text({"cancer": ["c_icd10"], "lpr_diag": ["c_diag"]}))
    db = sb.connect(synthetic_extract(site, "lungs", persons=300).path)
    ill = [
        db.lazy(register).filter(pl.col(column).str.contains(r"^D?C34")).select("person").collect()["person"]
        for register, column in (("cancer", "c_icd10"), ("lpr_diag", "c_diag"))
    ]
    # Somebody who was not alive while LPR2 ran can have no diagnosis there.
    assert pl.concat(ill).n_unique() > 250


def test_a_birth_cohort_is_born_when_the_permit_says(registered):
    site = registered(
        permit_text({"bef": ["foed_dato"]}, "born = { since = 1990-01-01, until = 1995-12-31 }")
    )
    born = sb.connect(synthetic_extract(site, "lungs", persons=200).path).lazy("bef").collect()["foed_dato"]
    assert born.min() >= date(1990, 1, 1)
    assert born.max() <= date(1995, 12, 31)


def test_every_arm_of_the_study_has_people(registered, needs):
    made = synthetic_extract(registered(permit_text(needs)), "lungs")
    assert "drug_cost_effectiveness" in made.studies
    cohort = sb.Study(
        population=sb.new_users(
            {
                "carboplatin": sb.hospital_medicine("L01XA02"),
                "pembrolizumab": sb.hospital_medicine("L01FF02"),
            },
            washout_days=365,
        ),
        entry=("2018-06-01", "2024-06-30"),
        require={
            "lung cancer": sb.diagnosis("DC34").before(years=5, index_day=True).any(),
            "adult": sb.age() >= 18,
            "resident": sb.resident(days=365),
        },
        outcomes={"death": sb.death()},
        follow_up=sb.follow_up(until=[sb.death(), sb.emigration()]),
    ).collect(sb.connect(made.path))
    arms = cohort.frame["drug"].value_counts()
    assert arms.min() >= 150
    assert cohort.frame["death_event"].mean() > 0.3
    assert cohort.frame["index"].max() < pd.Timestamp("2022-07-01")


def test_a_study_that_nobody_can_enter_in_the_permits_period_is_not_promised(registered, needs):
    text = permit_text(needs).replace("until = 2025-12-31", "until = 2016-12-31")
    assert "drug_cost_effectiveness" not in synthetic_extract(registered(text), "lungs", persons=100).studies


def test_many_persons_lie_in_several_buckets_as_in_an_extract(registered):
    made = synthetic_extract(registered(permit_text({"dod": ["doddato"]})), "lungs", persons=25_000)
    db = sb.connect(made.path)
    assert db.buckets == [0, 1, 2]
    for number in db.buckets:
        people = pl.scan_parquet(db.files("dod")[number]).collect()["person"].cast(pl.Int64)
        assert ((people * 3) // 2**31 == number).all()


def test_every_study_of_the_repository_says_what_its_arms_need(repository):
    for folder in sorted((repository / "analyses").glob("*/study.toml")):
        about = find(repository / "analyses", folder.parent.name).about
        assert about.synthetic is not None, about.id
        assert about.synthetic.unknown(catalogue()) is None
        held = about.permit.registers
        for rows in about.synthetic.arms.values():
            assert any(row.source in held for row in rows), about.id


def test_a_permit_that_lacks_a_column_can_not_run_the_study(registered, needs, repository):
    needs["smr"] = ["d_adm"]
    permit = parse(permit_text(needs), "permit")
    names = [study.about.id for study in runnable(permit, catalogue(), repository / "analyses")]
    assert "drug_cost_effectiveness" not in names
    study = find(repository / "analyses", "drug_cost_effectiveness")
    assert study.about.lacks(permit, catalogue()) == "smr.c_atc"


def test_a_study_that_plants_in_an_unknown_register_is_refused(registered, study):
    with (study.folder / "study.toml").open("a", encoding="utf-8") as file:
        file.write(
            "[synthetic]\nentry = { since = 2019-01-01, until = 2020-01-01 }\n"
            '[synthetic.arms]\nnew = [{ register = "smrr" }]\n'
        )
    site = registered(permit_text({"bef": ["koen"]}))
    with pytest.raises(StudyError, match=r"tiny/study\.toml: synthetic: the catalogue has no smrr"):
        synthetic_extract(site, "lungs", analyses=study.folder.parent)


@pytest.mark.parametrize("what", ["closed", "expired"])
def test_a_permit_that_gives_nothing_gives_no_synthetic_extract(registered, what):
    site = registered(permit_text({"bef": ["koen"]}))
    if what == "closed":
        with database.writing(site) as session:
            permits.close(session, "lungs", "done", "steward")
    with pytest.raises(PermitError, match=what):
        synthetic_extract(site, "lungs", today=date(2999, 6, 1) if what == "expired" else None)
    assert not site.synthetic.exists()


def test_the_command(registered, monkeypatch, capsys):
    site = registered(permit_text({"bef": ["koen"]}))
    monkeypatch.setenv("SUNDBENCH_HOME", str(site.root))
    monkeypatch.delenv("SUNDBENCH_DATABASE", raising=False)
    monkeypatch.delenv("SUNDBENCH_VAULT_KEY_FILE", raising=False)

    def sundbench(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sundbench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out + shown.err

    status, shown = sundbench("extract", "lungs", "--synthetic", "--persons", "100")
    assert status == 0
    assert "100 invented persons" in shown
    assert "up to date" in sundbench("extract", "lungs", "--synthetic", "--persons", "100")[1]
    assert sundbench("extract", "lungs")[0] == 2
    assert sundbench("extract", "lungs", "--synthetic", "--freeze", "x")[0] == 2
