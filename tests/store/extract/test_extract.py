import hashlib
import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from sundbench.errors import PermitError, StoreError
from sundbench.governance import database, permits
from sundbench.store.extract import extract
from sundbench.store.rotation import rotate
from sundbench.store.vault import Vault

LUNG_CANCER = '{ ever = { register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] } }'


def test_an_extract_holds_the_approved_registers_and_columns_only(site, register, rows):
    register(registers={"lmdb": ["eksd", "atc"], "bef": ["koen"]})

    made = extract(site, "lung", "f1")

    assert {path.name for path in made.path.iterdir()} == {"extract.json", "lmdb", "bef"}
    assert rows("lung", "lmdb").columns == ["person", "eksd", "atc"]
    assert rows("lung", "bef").columns == ["person", "koen"]


def test_types_are_those_of_the_contract(site, register, rows):
    register()
    extract(site, "lung", "f1")

    assert rows("lung", "lpr_adm").schema == {
        "person": pl.Int32,
        "d_inddto": pl.Date,
        "recnum": pl.Int64,
        "c_pattype": pl.String,
    }
    assert rows("lung", "bef").schema["mor_id"] == pl.Int32


def test_all_that_is_approved_is_there(site, register, rows, tables, pseudonyms):
    register()
    extract(site, "lung", "f1")

    name = pl.Series(pseudonyms("lung"))
    expected = tables["lmdb"].with_columns(person=name.gather(tables["lmdb"]["person"]))
    columns = ["person", "eksd", "atc", "vnr", "apk"]
    assert rows("lung", "lmdb").equals(expected.select(columns).sort(columns))


def test_rows_lie_in_buckets_by_pseudonym_sorted(site, register):
    register()
    made = extract(site, "lung", "f1")

    buckets = made.manifest["buckets"]
    assert buckets == 2  # 10,400 persons
    for table in made.manifest["registers"]:
        for number in range(buckets):
            frame = pl.read_parquet(made.path / table / f"bucket-{number:05d}.parquet")
            assert ((frame["person"].cast(pl.Int64) * buckets) // 2**31 == number).all()
            assert frame.equals(frame.sort(frame.columns))


def test_only_people_of_the_population_are_in_it(site, register, rows, pseudonyms):
    register(population=LUNG_CANCER)
    made = extract(site, "lung", "f1")

    sick = set(pseudonyms("lung")[::100].tolist())
    for table in made.manifest["registers"]:
        assert set(rows("lung", table)["person"]) == sick
    assert made.manifest["persons"] == 104
    assert made.manifest["left_out"]["persons_outside_population"] == 10_400 - 104


def test_only_rows_of_the_period_are_in_it(site, register, rows, tables):
    register(since="2012-01-01", until="2014-12-31")
    made = extract(site, "lung", "f1")

    within = tables["lmdb"].filter(pl.col("eksd").is_between(date(2012, 1, 1), date(2014, 12, 31)))
    lmdb = made.manifest["registers"]["lmdb"]
    assert lmdb["rows"] == len(within) == len(rows("lung", "lmdb"))
    assert lmdb["left_out"] == {"rows_outside_period": len(tables["lmdb"]) - len(within)}


def test_a_year_is_in_it_if_all_its_days_are_in_the_period(site, register, rows):
    register(registers={"udda": ["aar", "hfaudd"]}, since="2012-01-02", until="2015-12-31")
    extract(site, "lung", "f1")

    assert rows("lung", "udda")["aar"].unique().to_list() == [2015]


def test_the_date_cuts_the_rows_even_where_it_does_not_leave(site, register, rows, tables):
    register(registers={"lmdb": ["atc"]}, since="2012-01-01", until="2014-12-31")
    extract(site, "lung", "f1")

    lmdb = rows("lung", "lmdb")
    assert lmdb.columns == ["person", "atc"]
    assert len(lmdb) == tables["lmdb"]["eksd"].is_between(date(2012, 1, 1), date(2014, 12, 31)).sum()


@pytest.mark.parametrize(
    ("registers", "columns"),
    [
        ({"lpr_diag": ["c_diag"]}, ["person", "c_diag"]),
        ({"lpr_diag": ["c_diag"], "lpr_adm": ["c_pattype"]}, ["person", "c_diag"]),
        ({"lpr_diag": ["c_diag", "d_inddto"]}, ["person", "d_inddto", "c_diag"]),
        ({"lpr_diag": ["c_diag"], "lpr_adm": ["d_inddto"]}, ["person", "d_inddto", "c_diag"]),
    ],
)
def test_a_parents_date_comes_along_where_it_is_approved_for_either(site, register, rows, registers, columns):
    register(registers=registers)
    extract(site, "lung", "f1")

    assert rows("lung", "lpr_diag").columns == columns


def test_rows_without_a_date_stay_behind(site, register, tables, freeze_more):
    tables["lmdb"] = tables["lmdb"].with_columns(
        eksd=pl.when(pl.col("person") > 4).then("eksd")  # five persons with six rows each
    )
    freeze_more("f2", tables)
    register()

    made = extract(site, "lung", "f2")

    assert made.manifest["registers"]["lmdb"]["left_out"] == {"rows_without_date": 30}


def test_rows_without_a_date_leave_where_that_is_approved(site, register, tables, freeze_more):
    tables["lmdb"] = tables["lmdb"].with_columns(eksd=pl.when(pl.col("person") > 4).then("eksd"))
    freeze_more("f2", tables)
    register(undated=True, until="2009-12-31")

    made = extract(site, "lung", "f2")

    assert made.manifest["registers"]["lmdb"]["rows"] == 30
    assert "rows_without_date" not in made.manifest["registers"]["lmdb"]["left_out"]


def test_a_register_delivered_without_its_date_needs_that_approval(site, register, tables, rows, freeze_more):
    tables["bef"] = tables["bef"].drop("referencetid")
    freeze_more("f2", tables)
    register()

    with pytest.raises(StoreError, match=r"bef has no referencetid, .*say undated = true at registers\.bef"):
        extract(site, "lung", "f2")

    register(undated=True)
    made = extract(site, "lung", "f2")
    assert len(rows("lung", "bef", "f2")) == len(tables["bef"])
    assert made.manifest["registers"]["bef"]["coverage"] == {"since": None, "until": None}
    assert made.manifest["absent"] == {"bef": ["referencetid"]}


def test_a_register_without_a_row_in_the_period_is_there_and_empty(site, register, rows):
    register(since="1996-01-01", until="2009-12-31")
    made = extract(site, "lung", "f1")

    told = made.manifest["registers"]["lpr_adm"]
    assert told["rows"] == 0
    assert told["coverage"] == {"since": None, "until": None}
    assert rows("lung", "lpr_adm").columns == ["person", "d_inddto", "recnum", "c_pattype"]


def test_who_opted_out_is_nowhere_and_counted(site, register, rows, pseudonyms, opt_out):
    opt_out([100, 300, 301])
    register()
    made = extract(site, "lung", "f1")

    said_no = set(pseudonyms("lung")[[100, 300, 301]].tolist())
    for table in made.manifest["registers"]:
        assert not said_no & set(rows("lung", table)["person"])
    assert not said_no & set(rows("lung", "bef")["mor_id"].drop_nulls())
    assert made.manifest["left_out"]["persons_opted_out"] == 3
    assert made.manifest["persons"] == 10_400 - 3
    assert made.manifest["registers"]["lmdb"]["left_out"] == {"rows_opted_out": 18}


def test_a_mother_has_the_pseudonym_that_her_own_rows_have(site, register, rows, pseudonyms):
    register(population=LUNG_CANCER)
    made = extract(site, "lung", "f1")

    name = pseudonyms("lung")
    bef = rows("lung", "bef")
    # The mother of person 100 is person 200; both are ill, as is everyone's mother in this population.
    assert set(bef.filter(pl.col("person") == name[100])["mor_id"]) == {name[200]}
    assert "relatives_outside_population" not in made.manifest["registers"]["bef"]["left_out"]


def test_relatives_outside_the_population_are_null_and_counted(site, register, rows, opt_out):
    opt_out([200])  # the mother of person 100, twice in bef
    register(population=LUNG_CANCER)
    made = extract(site, "lung", "f1")

    left_out = made.manifest["registers"]["bef"]["left_out"]
    assert left_out["relatives_outside_population"] == 2
    assert rows("lung", "bef")["mor_id"].null_count() == 2 + 2  # and the last ill person has no mother


def test_keys_join_as_before_within_the_permit(site, register, rows, tables):
    register()
    extract(site, "lung", "f1")

    joined = rows("lung", "lpr_adm").join(rows("lung", "lpr_diag"), on=["recnum", "person", "d_inddto"])
    assert len(joined) == len(tables["lpr_adm"])
    families = rows("lung", "bef").group_by("familie_id").agg(pl.col("person").n_unique())
    assert families["person"].unique().to_list() == [10]


def test_the_manifest_says_what_lies_there(site, register):
    register()
    made = extract(site, "lung", "f1")

    manifest = json.loads((made.path / "extract.json").read_text())
    assert manifest == made.manifest
    assert manifest["permit"] == "lung"
    assert manifest["freeze"] == "f1"
    assert manifest["registers"]["lpr_diag"]["columns"] == {
        "person": "person",
        "d_inddto": "date",
        "recnum": "key",
        "c_diag": "code",
        "c_diagtype": "code",
    }
    for table, told in manifest["registers"].items():
        files = {path.name: path for path in (made.path / table).iterdir()}
        assert files.keys() == told["files"].keys()
        for name, digest in told["files"].items():
            assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest
            assert files[name].stat().st_mode & 0o222 == 0
        assert told["rows"] == sum(
            pl.read_parquet_metadata and len(pl.read_parquet(f)) for f in files.values()
        )


def test_coverage_is_what_catalogue_freeze_and_permit_have_in_common(site, register, tables):
    register(since="2011-03-04", until="2024-12-31")
    made = extract(site, "lung", "f1")

    coverage = {name: told["coverage"] for name, told in made.manifest["registers"].items()}
    assert coverage["lmdb"] == {"since": "2011-03-04", "until": str(tables["lmdb"]["eksd"].max())}
    assert coverage["bef"] == {"since": "2012-12-31", "until": "2015-12-31"}


def test_what_the_freeze_lacks_is_said(site, register):
    register(registers={"lmdb": ["eksd", "volume"], "cancer": ["c_icd10"]})
    made = extract(site, "lung", "f1")

    assert made.manifest["absent"] == {"lmdb": ["volume"], "cancer": ["c_icd10"]}
    assert made.manifest["registers"]["lmdb"]["columns"] == {"person": "person", "eksd": "date"}


def test_the_same_extract_has_the_same_bytes_however_many_threads(site, register):
    register()
    one = extract(site, "lung", "f1", workers=1).manifest
    other = extract(site, "lung", "f1", again=True, workers=3).manifest

    assert one["digest"] == other["digest"]
    assert one["registers"] == other["registers"]


def test_an_extract_that_is_up_to_date_is_left_alone(site, register):
    register()
    made = extract(site, "lung", "f1")
    before = (made.path / "extract.json").stat().st_mtime_ns

    found = extract(site, "lung", "f1")

    assert not found.made
    assert found.manifest == made.manifest
    assert (made.path / "extract.json").stat().st_mtime_ns == before


def test_a_damaged_extract_is_made_again(site, register):
    register()
    made = extract(site, "lung", "f1")
    (made.path / "extract.json").chmod(0o644)
    (made.path / "extract.json").write_text("{")

    mended = extract(site, "lung", "f1")

    assert mended.made
    assert mended.manifest["digest"] == made.manifest["digest"]


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and no more"])
def test_an_extract_with_a_damaged_file_is_made_again(site, register, content):
    register()
    made = extract(site, "lung", "f1")
    file = made.path / "lmdb" / "bucket-00001.parquet"
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    mended = extract(site, "lung", "f1")

    assert mended.made
    assert mended.manifest["digest"] == made.manifest["digest"]
    assert mended.difference is None  # from what?


def test_an_amendment_of_a_damaged_extract_is_no_dead_end(site, register):
    register()
    made = extract(site, "lung", "f1")
    for bucket in (made.path / "lmdb").iterdir():
        bucket.chmod(0o644)
        bucket.write_bytes(b"PAR1")
    register(registers={"lmdb": ["eksd"]})

    assert list(extract(site, "lung", "f1").manifest["registers"]) == ["lmdb"]


@pytest.mark.parametrize("content", ["[]", "{}", '{"registers": {"lmdb": 1}}'])
def test_an_extract_whose_description_is_damaged_is_made_again(site, register, content):
    register()
    made = extract(site, "lung", "f1")
    (made.path / "extract.json").chmod(0o644)
    (made.path / "extract.json").write_text(content)

    assert extract(site, "lung", "f1").made


def test_a_new_opt_out_makes_the_extract_out_of_date(site, register, opt_out, rows, pseudonyms):
    register()
    extract(site, "lung", "f1")
    opt_out([7])

    made = extract(site, "lung", "f1")

    assert made.made
    assert pseudonyms("lung")[7] not in set(rows("lung", "lmdb")["person"])
    assert made.difference["persons_dropped"] == 1
    assert made.difference["persons_added"] == 0


def test_a_later_freeze_keeps_the_pseudonyms_and_spreads_newcomers(
    site, register, freeze_more, rows, pseudonyms
):
    register()
    extract(site, "lung", "f1")
    before = pseudonyms("lung")
    freeze_more("f2", persons=20_800)

    extract(site, "lung", "f2")

    after = pseudonyms("lung")
    assert (after[:10_400] == before).all()
    assert set(rows("lung", "bef", "f2")["person"]) == set(after.tolist())
    newcomers = np.isin(np.sort(after), after[10_400:])
    # Were they numbered after the others, all would lie in the upper half.
    assert 0.47 < newcomers[:10_400].mean() < 0.53


# What goes wrong


def test_an_expired_permit_gives_no_extract(site, register):
    register(expires="2024-12-31")

    with pytest.raises(PermitError, match="permit lung expired on 2024-12-31"):
        extract(site, "lung", "f1")
    assert extract(site, "lung", "f1", today=date(2024, 12, 31)).made
    with pytest.raises(PermitError, match="expired"):  # not even the one that is there
        extract(site, "lung", "f1")


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "UTC", "Pacific/Auckland"])
def test_a_permit_expires_at_midnight_in_denmark(site, register, monkeypatch, zone):
    register(expires="2026-11-22")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        monkeypatch.setattr(permits, "now", lambda: datetime(2026, 11, 22, 22, 59, tzinfo=UTC))
        assert extract(site, "lung", "f1").made
        monkeypatch.setattr(permits, "now", lambda: datetime(2026, 11, 22, 23, 0, tzinfo=UTC))
        with pytest.raises(PermitError, match="permit lung expired on 2026-11-22"):
            extract(site, "lung", "f1")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_closed_permit_gives_no_extract(site, register):
    register()
    with database.writing(site) as session:
        permits.close(session, "lung", "the project has ended", "ann")

    with pytest.raises(PermitError, match=r"permit lung is closed \(the project has ended\)"):
        extract(site, "lung", "f1")


def test_an_unknown_permit(site, register):
    register("lung-cancer")

    with pytest.raises(PermitError, match="unknown permit lung-cancr: did you mean lung-cancer"):
        extract(site, "lung-cancr", "f1")


def test_a_missing_freeze(site, register):
    register()

    with pytest.raises(StoreError, match="no freeze f9"):
        extract(site, "lung", "f9")
    assert not (site.extracts / "lung").exists()


def say_its_vault(site, vault: str) -> None:
    """Let the freeze say which vault it was made with."""
    path = site.freezes / "f1" / "freeze.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"vault": vault}))


def test_another_vault_than_the_freeze_s(site, register):
    register()
    say_its_vault(site, "00" * 16)

    with pytest.raises(
        StoreError, match=r"freeze f1 was made with another vault than .*: put that vault there"
    ):
        extract(site, "lung", "f1")
    assert not list((site.extracts / "lung").glob("[!.]*"))


def test_after_the_vault_s_key_has_changed_extracts_are_the_same_to_the_byte(site, register, opt_out):
    register()
    opt_out([3])
    with Vault.open(site) as vault:
        say_its_vault(site, vault.fingerprint)
    before = extract(site, "lung", "f1").manifest
    Vault.create_key(new := site.root / "new-key")
    rotate(site, new, lambda *_: None)

    with pytest.raises(StoreError, match="sealed with another key"):
        extract(site, "lung", "f1", again=True)
    renewed = replace(site, vault_key_file=new)
    assert not extract(renewed, "lung", "f1").made, "it is up to date"
    after = extract(renewed, "lung", "f1", again=True)
    assert after.made
    assert after.manifest["digest"] == before["digest"]


def test_a_vault_that_is_older_than_the_freeze(site, register, opt_out):
    register()
    opt_out([7])
    (site.vault / "persons").unlink()  # with it, nobody on the list of opt-outs would be found

    with pytest.raises(StoreError, match="doesn't know all persons of freeze f1: restore it"):
        extract(site, "lung", "f1")
    assert not (site.extracts / "lung" / "f1").exists()


def test_a_link_in_an_extracts_place_is_refused(site, register, tmp_path):
    register()
    made = extract(site, "lung", "f1")
    made.path.rename(tmp_path / "elsewhere")
    made.path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match="is a link"):
        extract(site, "lung", "f1", again=True)


def test_a_population_of_nobody(site, register):
    register(population=LUNG_CANCER.replace("DC34", "C34"))

    with pytest.raises(PermitError, match="nobody in freeze f1 is in its population"):
        extract(site, "lung", "f1")
    assert [path.name for path in (site.extracts / "lung").iterdir()] == [".lock"]


def test_a_population_that_has_all_opted_out(site, register, opt_out):
    opt_out(list(range(0, 10_400, 100)))
    register(population=LUNG_CANCER)

    with pytest.raises(PermitError, match="everyone in its population has opted out"):
        extract(site, "lung", "f1")


def test_a_population_rule_on_what_the_freeze_lacks(site, register):
    register(population='{ ever = { register = "cancer", column = "c_icd10", prefixes = ["C34"] } }')

    with pytest.raises(StoreError, match="freeze f1 has no register cancer"):
        extract(site, "lung", "f1")


def test_a_damaged_freeze_is_one_line_and_leaves_nothing(site, register):
    register()
    damaged = site.freezes / "f1" / "lpr_diag" / "bucket-00001.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-100])

    with pytest.raises(StoreError, match="`sundbench freeze verify f1` tells where"):
        extract(site, "lung", "f1")
    assert [path.name for path in (site.extracts / "lung").iterdir()] == [".lock"]
