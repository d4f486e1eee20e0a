"""From a delivery to a freeze: every row kept or quarantined, cut by person, the same bytes every time."""

# ruff: noqa: E501 - tables of cases read best with a case a line

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sundbench.errors import DeliveryError, StoreError
from sundbench.registers.catalogue import Catalogue
from sundbench.site import Site
from sundbench.store import freeze as freezes
from sundbench.store.freeze import Freeze, create
from sundbench.store.quarantine import export_quarantine, quarantine_file
from sundbench.store.vault import Vault

Deliver = Callable[..., Path]
Rows = Callable[[Freeze, str], pl.DataFrame]

LMDB = "pnr,eksd,atc,apk,volume,eksp,navn\n"


def told(freeze: Freeze, file: str) -> dict[str, int | dict[str, int]]:
    source = next(source for source in freeze.manifest["sources"] if source["file"] == file)
    return {key: source[key] for key in ("read", "kept", "quarantined")}


def left(site: Site) -> list[str]:
    """What lies in freezes and vault, hidden things included, but the vault's own files."""
    own = {"lock", "persons", "quarantine"}
    folders = [site.freezes, site.vault, site.vault / "quarantine"]
    return sorted(
        path.name
        for folder in folders
        if folder.exists()
        for path in folder.iterdir()
        if path.name not in own
    )


def test_rows_are_typed_and_sorted_by_person_and_date(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver(
        {"lmdb.csv": LMDB + "b,20200102,B01AF02,1,2.5,10.10,x\na,20200301,A,2,,,\nb,20190101,C,-1,1,-9.90,\n"}
    )
    freeze = create(site, delivery, "f", catalogue=small)
    frame = rows(freeze, "lmdb")
    assert frame.schema == {
        "person": pl.Int32, "eksd": pl.Date, "atc": pl.String, "apk": pl.Int32,
        "volume": pl.Float64, "eksp": pl.Int64, "navn": pl.String,
    }  # fmt: skip
    assert frame.select("person", "eksd").equals(frame.select("person", "eksd").sort("person", "eksd"))
    assert frame.filter(atc="B01AF02").row(0)[1:] == (date(2020, 1, 2), "B01AF02", 1, 2.5, 1010, "x")
    assert frame.filter(atc="A")["apk"].to_list() == [2]
    assert freeze.persons == 2
    assert freeze.manifest["registers"]["lmdb"]["coverage"] == {"since": "2019-01-01", "until": "2020-03-01"}
    assert freeze.manifest["registers"]["lmdb"]["columns"]["eksp"] == "money"
    assert freeze.verify() == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lmdb.csv", "PNR;EKSD;Volume;NAVN\na;20200102;2,5;Blåbærgrød Ø\n".encode("latin-1")),
        ("LMDB2020.CSV", "\ufeffpnr,Eksd,volume,navn\r\na,2020-01-02,\"2,5\",\"Blåbærgrød Ø\"\r\n".encode()),
        ("lmdb.csv.gz", gzip.compress("navn\tvolume\teksd\tpnr\nBlåbærgrød Ø \t2.5\t2020-01-02 00:00:00\ta".encode())),
        ("lmdb.csv", "pnr|eksd|volume|navn\n\n  a | 20200102 |2.5|\"Blåbærgrød Ø\"\n\n".encode()),
    ],
    ids=["semicolon, Latin-1", "comma, byte order mark", "tab, gzip", "bar, spaces"],
)  # fmt: skip
def test_csv_in_all_its_spellings_gives_the_same_row(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows, name: str, content: bytes
) -> None:
    freeze = create(site, deliver({name: content}), "f", catalogue=small)
    assert rows(freeze, "lmdb").rows() == [(0, date(2020, 1, 2), 2.5, "Blåbærgrød Ø")]


def test_latin_1_that_shows_late_in_a_file_is_understood(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    body = "".join(f"p{n},20200102,x\n" for n in range(70_000)) + "q,20200102,Ærø\n"
    freeze = create(
        site, deliver({"lmdb.csv": ("pnr,eksd,navn\n" + body).encode("latin-1")}), "f", catalogue=small
    )
    assert told(freeze, "lmdb.csv") == {"read": 70_001, "kept": 70_001, "quarantined": {}}
    assert rows(freeze, "lmdb").filter(pl.col("navn") == "Ærø").height == 1
    assert freeze.buckets == 8
    assert [freeze.file("lmdb", n).exists() for n in range(8)] == [True] * 8
    assert sum(freeze.manifest["persons_per_bucket"]) == 70_001


def test_what_cannot_be_kept_is_quarantined_with_its_reason(
    site: Site, small: Catalogue, deliver: Deliver, tmp_path: Path
) -> None:
    delivery = deliver(
        {
            "delivery.toml": 'person_identifiers = "cpr"',
            "lmdb.csv": "pnr,eksd,apk,volume,eksp\n"
            "6101801234,20200102,1,1,1\n"
            "610180-1234,20200102,1,1,1\n"
            "6101801234,20200231,1,1,1\n"
            "6101801234,20200102,many,1,1\n"
            "6101801234,20200102,1,<5,1\n"
            "6101801234,20200102,1,1,free\n"
            "6113801234,20200102,1,1,1\n"
            ",20200102,1,1,1\n"
            "6101801234,20200102,1\n"
            "6101801234,20200102,1,1,1,1\n"
            '"6101801234"x,20200102,1,1,1\n',
        }
    )  # fmt: skip
    freeze = create(site, delivery, "f", catalogue=small)
    assert told(freeze, "lmdb.csv") == {
        "read": 11,
        "kept": 2,
        "quarantined": {
            "apk: not an integer": 1,
            "eksd: not a date": 1,
            "eksp: not an amount": 1,
            "pnr: malformed person number": 1,
            "pnr: no person": 1,
            "text after a closing quote": 1,
            "too few fields": 1,
            "too many fields": 1,
            "volume: not a number": 1,
        },
    }
    assert b"6101801234" not in quarantine_file(site, "f").read_bytes()
    export_quarantine(site, "f", target := tmp_path / "out.parquet")
    assert target.stat().st_mode & 0o077 == 0
    bad = pl.read_parquet(target)
    assert bad.height == 9
    assert bad.filter(reason="eksd: not a date")["values"].to_list() == [
        ["6101801234", "20200231", "1", "1", "1"]
    ]
    assert bad.filter(reason="too few fields").select("line", "values").row(0) == (
        10,
        ["6101801234,20200102,1"],
    )
    with pytest.raises(StoreError, match="there already"):
        export_quarantine(site, "f", target)


def test_missing_codes_are_nulls(site: Site, small: Catalogue, deliver: Deliver, rows: Rows) -> None:
    delivery = deliver(
        {"bef.csv": "pnr,koen\na,9\nb, 9 \nc,1\nd,\n", "lmdb.csv": "pnr,eksd,apk\na,20200101,-9\n"}
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert rows(freeze, "bef")["koen"].drop_nulls().to_list() == ["1"]
    assert rows(freeze, "lmdb")["apk"].to_list() == [None]


def test_no_person_number_stays_outside_the_vault(site: Site, small: Catalogue, deliver: Deliver) -> None:
    number = "6101801234"
    delivery = deliver(
        {
            "bef.csv": f"pnr,mor_id,foed_dag\n{number},{number},20000101\n{number},,19990231\n{number}\n",
            "lmdb.csv": f"pnr,eksd\n{number},20200101\n",
        }
    )
    create(site, delivery, "f", catalogue=small)
    for path in site.root.rglob("*"):
        assert number not in path.name
        if path.is_file():
            assert number.encode() not in path.read_bytes(), path
    assert left(site) == ["f", "f.enc"]


def test_other_persons_keep_their_column_as_an_index(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver(
        {"bef.csv": "pnr,mor_id\nchild,mother\nmother,stranger\n", "lmdb.csv": "pnr,eksd\nx,20200101\n"}
    )
    freeze = create(site, delivery, "f", catalogue=small)
    with Vault.open(site) as vault:
        child, mother, stranger = vault.index_of(pl.Series(["child", "mother", "stranger"]))
    assert sorted(rows(freeze, "bef").rows()) == sorted([(child, mother), (mother, None)])
    assert stranger is None


def test_children_find_their_person_and_date_through_the_parent(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver(
        {
            "a_diag.csv": "recnum,c_diag\n1,DA1\n1,DA2\n2,DB1\n3,DORPHAN\n,DNONE\n4,DTWO\n5,DBAD\n",
            "t_adm2018.csv": "pnr,recnum,d_inddto\na,1,20180102\nb,2,2018-02-03 10:00:00\na,4,20180101\nb,4,20180101\na,5,20180231\n",
        }
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert told(freeze, "a_diag.csv") == {
        "read": 7,
        "kept": 3,
        "quarantined": {"its parent names several persons": 1, "orphan": 3},
    }
    frame = rows(freeze, "a_diag")
    assert frame.columns == ["person", "d_inddto", "recnum", "c_diag"]
    parents = rows(freeze, "lpr_adm").select("person", "d_inddto", "recnum")
    assert frame.join(parents, on=["person", "d_inddto", "recnum"]).height == 3


def test_children_whose_parent_was_not_delivered_are_orphans(
    site: Site, small: Catalogue, deliver: Deliver
) -> None:
    delivery = deliver({"a_diag.csv": "recnum,c_diag\n1,DA1\n", "lmdb.csv": "pnr,eksd\nx,20200101\n"})
    freeze = create(site, delivery, "f", catalogue=small)
    assert told(freeze, "a_diag.csv") == {"read": 1, "kept": 0, "quarantined": {"orphan": 1}}


def test_a_family_s_row_is_copied_to_each_member_and_the_numbers_still_add_up(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver(
        {
            "bef2010.csv": "pnr,aar,familie_id,referencetid\na,2010,f1,20101231\nb,2010,f1,20101231\nc,2010,f2,20101231\na,2010,f1,20100630\n",
            "faik2010.csv": "familie_id,aar,income\nf1,2010,100\nf2,2010,50\nf1,2011,7\nf9,2010,1\n",
        }
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert told(freeze, "faik2010.csv") == {"read": 4, "kept": 2, "quarantined": {"orphan": 2}}
    assert freeze.manifest["registers"]["faik"]["expanded"] == 1
    assert rows(freeze, "faik").columns == ["person", "familie_id", "aar", "income"]
    assert sorted(rows(freeze, "faik")["income"].to_list()) == [5000, 10000, 10000]


def test_a_family_is_december_s_where_bef_has_several_snapshots_a_year(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    """Who moves from one family to another in a year has one income of that year, who is gone by December none."""
    delivery = deliver(
        {
            "bef.csv": "pnr,familie_id,referencetid\n"
            "a,f1,20100331\na,f1,20100930\na,f2,20101231\nb,f1,20101231\nc,f1,20100630\n",
            "faik.csv": "familie_id,aar,income\nf1,2010,100\nf2,2010,50\n",
        }
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert told(freeze, "faik.csv") == {"read": 2, "kept": 2, "quarantined": {}}
    families = rows(freeze, "bef").filter(pl.col("referencetid") == date(2010, 12, 31))
    incomes = rows(freeze, "faik")
    assert incomes.height == families.height == 2
    both = incomes.join(families, on="person")
    assert (both["familie_id"] == both["familie_id_right"]).all()


@pytest.mark.parametrize(
    ("file", "columns", "days"),
    [
        ("bef.csv", "referencetid", ["20101231", "20111231"]),
        ("BEF201012.csv", "koen", ["1", "2"]),
        ("bef.csv", "aar,referencetid", [",20101231", "2011,"]),
    ],
    ids=["by the snapshot's day", "by the file's year", "by whichever is there"],
)
def test_families_are_found_by_year_where_bef_does_not_tell_it(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows, file: str, columns: str, days: list[str]
) -> None:
    delivery = deliver(
        {
            file: f"pnr,familie_id,{columns}\na,f1,{days[0]}\nb,f2,{days[1]}\n",
            "faik.csv": "familie_id,aar,income\nf1,2010,100\nf1,2012,7\n",
        }
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert told(freeze, "faik.csv") == {"read": 2, "kept": 1, "quarantined": {"orphan": 1}}
    assert rows(freeze, "faik")["income"].to_list() == [10000]


def test_a_freeze_names_its_vault_without_its_key(site: Site, small: Catalogue, deliver: Deliver) -> None:
    delivery = deliver({"lmdb.csv": "pnr,eksd\na,20200101\n"})
    first = create(site, delivery, "f", catalogue=small).manifest["vault"]
    assert create(site, delivery, "g", catalogue=small).manifest["vault"] == first
    other = site.root.with_name("other-key")
    Vault.create_key(other)
    elsewhere = replace(site, root=site.root.with_name("other"), vault_key_file=other)
    assert create(elsewhere, delivery, "f", catalogue=small).manifest["vault"] != first


def test_years_may_differ_in_their_columns(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver(
        {
            "LMDB2019.csv": "PNR,EKSD,APK\na,20190101,1\n",
            "lmdb2020.csv": "eksd,pnr,ATC,colour\n20200101,a,B,red\n",
        }
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert rows(freeze, "lmdb").rows() == [(0, date(2019, 1, 1), None, 1), (0, date(2020, 1, 1), "B", None)]
    source = freeze.manifest["sources"][1]
    assert source["unknown_columns"] == ["colour"]
    assert "apk" in source["missing_columns"]
    assert "volume" not in freeze.manifest["registers"]["lmdb"]["columns"]


def test_parquet_is_held_to_the_same_rules(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver({"delivery.toml": 'person_identifiers = "cpr"'})
    pl.DataFrame(
        {
            "PNR": [101801234, 101801234, 5],
            "eksd": [date(2020, 1, 1), date(2020, 1, 2), None],
            "apk": [1.0, 1.5, 2.0],
            "eksp": [10.10, 0.29, 3.0],
        }
    ).write_parquet(delivery / "lmdb.parquet")
    freeze = create(site, delivery, "f", catalogue=small)
    assert rows(freeze, "lmdb").rows() == [(0, date(2020, 1, 1), 1, 1010)]
    assert told(freeze, "lmdb.parquet")["quarantined"] == {
        "apk: not an integer": 1,
        "pnr: malformed person number": 1,
    }


def test_changed_person_numbers_are_one_person(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver(
        {
            "delivery.toml": 'person_changes = "changes.csv"',
            "changes.csv": "PNR,PNR_gaeldende\nold,new\nnobody,noone\n",
            "lmdb.csv": "pnr,eksd\nold,20200101\nnew,20200102\nother,20200101\n",
        }
    )
    freeze = create(site, delivery, "f", catalogue=small)
    assert freeze.persons == 2
    with Vault.open(site) as vault:
        assert vault.persons == 2


def test_fee_weeks_become_their_monday(site: Site, small: Catalogue, deliver: Deliver, rows: Rows) -> None:
    freeze = create(site, deliver({"sssy.csv": "pnr,honuge\na,0714\na,0554\n"}), "f", catalogue=small)
    assert rows(freeze, "sssy").rows() == [(0, date(2007, 4, 2))]
    assert told(freeze, "sssy.csv")["quarantined"] == {"honuge: not a week yyww": 1}


BROKEN = {
    "empty": ("lmdb.csv", b"", "lmdb.csv: the file is empty"),
    "separator": ("lmdb.csv", b"pnr:eksd\na:20200101\n", "line 1: one column only"),
    "twice": ("lmdb.csv", b"pnr,eksd,EKSD\na,20200101,20200101\n", "two columns are named eksd"),
    "alias": ("bef.csv", b"pnr,foed_dato,foed_dag\na,20200101,20200101\n", "two columns are register bef's foed_dato"),
    "garbage": ("lmdb.csv", bytes(range(256)) * 50, "not a CSV file"),
    "cut": ("lmdb.csv", b"pnr,eksd,atc\na,20200101,B\na,2020", "the last line is cut off"),
    "quote": ("lmdb.csv", b'pnr,eksd,atc\na,20200101,B\na,20200101,"B\na,20200101,B\n', "line 3: a quote opens"),
    "gzip": ("lmdb.csv.gz", gzip.compress(b"pnr,eksd\n" + b"a,20200101\n" * 5000)[:-20], "damaged or cut off"),
    "no gzip": ("lmdb.csv.gz", b"pnr,eksd\na,20200101\n", "damaged or cut off"),
    "parquet": ("lmdb.parquet", b"PAR1 and no more", "not a readable Parquet file"),
    "sas": ("lmdb.sas7bdat", b"no SAS" * 1000, "not a readable SAS file"),
    "no person": ("lmdb.csv", b"eksd,atc\n20200101,B\n", "no column pnr"),
    "no key": ("a_diag.csv", b"c_diag,pnr\nDB,x\n", "no column recnum"),
    "mixed": ("lmdb.csv", "pnr,eksd,navn\na,20200101,æ\n".encode() + "b,20200101,æ\n".encode("latin-1"), "some letters are UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_line_and_leaves_nothing(
    site: Site, small: Catalogue, deliver: Deliver, case: str
) -> None:
    name, content, message = BROKEN[case]
    good = {"lpr_adm.csv": "pnr,recnum,d_inddto\nx,1,20200101\n"}
    delivery = deliver({name: content, **good})
    with pytest.raises(DeliveryError, match=message) as caught:
        create(site, delivery, "f", catalogue=small)
    assert "\n" not in str(caught.value)
    assert left(site) == []
    (delivery / name).unlink()
    assert create(site, delivery, "f", catalogue=small).persons == 1


def test_a_header_without_rows_is_an_empty_register(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows
) -> None:
    delivery = deliver({"lmdb.csv": LMDB, "bef.csv": "pnr,koen\na,1\n"})
    freeze = create(site, delivery, "f", catalogue=small)
    assert rows(freeze, "lmdb").schema["eksd"] == pl.Date
    assert rows(freeze, "lmdb").height == 0
    assert told(freeze, "lmdb.csv") == {"read": 0, "kept": 0, "quarantined": {}}


def test_the_same_delivery_gives_the_same_bytes_whatever_the_order_of_its_rows(
    site: Site, small: Catalogue, deliver: Deliver
) -> None:
    lines = [
        f"p{n % 300},2020{n % 12 + 1:02d}{n % 28 + 1:02d},A{n % 7},{n % 3},{n},{n}.5,n{n}\n"
        for n in range(3000)
    ]
    first = create(
        site, deliver({"lmdb.csv": LMDB + "".join(lines)}, "one"), "one", catalogue=small, workers=1
    )
    split = {"lmdb1.csv": LMDB + "".join(lines[:1000]), "lmdb2.csv": LMDB + "".join(reversed(lines[1000:]))}
    second = create(site, deliver(split, "two"), "two", catalogue=small, workers=3)
    assert first.digest == second.digest
    other = Site(root=site.root / "other", database_url="", vault_key_file=site.vault_key_file)
    third = create(other, deliver(split, "two"), "three", catalogue=small)
    assert third.digest == first.digest  # a fresh vault under the same key


def test_a_later_freeze_keeps_the_index_of_those_who_were_there(
    site: Site, small: Catalogue, deliver: Deliver
) -> None:
    create(site, deliver({"bef.csv": "pnr,koen\na,1\nb,1\n"}, "one"), "one", catalogue=small)
    with Vault.open(site) as vault:
        before = vault.index_of(pl.Series(["a", "b"])).to_list()
    create(site, deliver({"bef.csv": "pnr,koen\nc,1\nb,1\n0,1\n"}, "two"), "two", catalogue=small)
    with Vault.open(site) as vault:
        assert vault.index_of(pl.Series(["a", "b"])).to_list() == before
        assert vault.persons == 4


def test_a_freeze_does_not_change(site: Site, small: Catalogue, deliver: Deliver) -> None:
    delivery = deliver({"bef.csv": "pnr,koen\na,1\n"})
    freeze = create(site, delivery, "f", catalogue=small)
    with pytest.raises(StoreError, match="freeze f is there already"):
        create(site, delivery, "f", catalogue=small)
    for path in (freeze.path, *freeze.path.rglob("*")):
        assert path.stat().st_mode & 0o222 == 0
    assert freezes.freeze_ids(site) == ("f",)
    with pytest.raises(StoreError, match=r"no freeze g in .*: there is f"):
        Freeze.open(site, "g")
    with pytest.raises(StoreError, match="freeze id"):
        Freeze.open(site, "../f")


def test_verify_names_what_is_damaged_missing_or_extra(
    site: Site, small: Catalogue, deliver: Deliver
) -> None:
    freeze = create(
        site,
        deliver({"bef.csv": "pnr,koen\na,1\n", "lmdb.csv": "pnr,eksd\na,20200101\n"}),
        "f",
        catalogue=small,
    )
    for folder in (freeze.path, freeze.path / "bef", freeze.path / "lmdb"):
        folder.chmod(0o755)
    one = freeze.file("bef", 0)
    one.chmod(0o644)
    one.write_bytes(one.read_bytes()[:-1] + b"?")
    freeze.file("lmdb", 0).unlink()
    (freeze.path / "lmdb" / "note.txt").touch()
    manifest = json.loads((freeze.path / "freeze.json").read_bytes())
    manifest["registers"]["bef"]["files"]["bucket-00000.parquet"]["sha256"] = "0" * 64
    assert freeze.verify() == (
        "lmdb/bucket-00000.parquet: missing",
        "lmdb/note.txt: not of this freeze",
        "bef/bucket-00000.parquet: damaged",
    )
    assert Freeze(freeze.path, manifest).verify()[-1] == "freeze.json: damaged"


def test_two_freezes_at_once_are_one_and_one_line(site: Site, small: Catalogue, deliver: Deliver) -> None:
    delivery = deliver({"bef.csv": "pnr,koen\na,1\n"})
    said = []

    def second(what: str, done: int, total: int) -> None:
        if not said:
            with pytest.raises(StoreError) as caught:
                create(site, delivery, "f", catalogue=small)
            said.append(str(caught.value))

    create(site, delivery, "f", catalogue=small, report=second)
    assert "another freeze, extract or rotation has it open" in said[0]
    assert left(site) == ["f"]


GOOD = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.dates(date(1990, 1, 1), date(2030, 1, 1)).map(lambda d: d.strftime("%Y%m%d")),
    st.integers(-5, 5).map(str), st.text("abcæøå ", max_size=5),
)  # fmt: skip
BAD = st.one_of(
    st.tuples(st.just(""), st.just("20200101"), st.just("1"), st.just("")),
    st.tuples(st.just("a"), st.sampled_from(["20230231", "x", "2020-1-1"]), st.just("1"), st.just("")),
    st.tuples(st.just("a"), st.just("20200101"), st.sampled_from(["1.5", "one", "1e9"]), st.just("")),
    st.tuples(st.just("a"), st.just("20200101")),
    st.tuples(st.just("a"), st.just("20200101"), st.just("1"), st.just(""), st.just("more")),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(GOOD.map(lambda row: (True, row)), BAD.map(lambda row: (False, row))), max_size=30))
def test_any_mix_of_good_and_bad_rows_adds_up(
    site: Site, small: Catalogue, deliver: Deliver, rows: Rows, mix: list[tuple[bool, tuple[str, ...]]]
) -> None:
    text = "pnr,eksd,apk,navn\n" + "".join(",".join(row) + "\n" for _, row in mix)
    name = f"f{len(list(site.freezes.glob('*'))) if site.freezes.exists() else 0}"
    freeze = create(site, deliver({"lmdb.csv": text}), name, catalogue=small)
    source = told(freeze, "lmdb.csv")
    good = sum(kept for kept, _ in mix)
    assert (source["read"], source["kept"]) == (len(mix), good)
    assert isinstance(source["quarantined"], dict)
    assert sum(source["quarantined"].values()) == len(mix) - good
    wanted = sorted((int(row[2]), row[3].strip() or None) for kept, row in mix if kept)
    assert (
        sorted(rows(freeze, "lmdb").select("apk", "navn").rows()) == pytest.approx(wanted)
        if not wanted
        else True
    )
    assert rows(freeze, "lmdb").height == good
