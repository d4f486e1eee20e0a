"""Every hospital contact counts once, whichever tables hold it."""

from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import contacts, diagnoses
from sundbench.errors import StudyError

LPR2_DIAGNOSIS = pl.DataFrame(
    {"person": [1], "recnum": [1], "d_inddto": [date(2019, 1, 5)], "c_diag": ["DI48"], "c_diagtype": ["A"]}
)


def lpr3a(*rows: tuple[int, str, str, str | None]) -> dict[str, pl.DataFrame]:
    """LPR3A from (contact, start, code, reporting system) of person 1."""
    keys, starts, codes, systems = zip(*rows, strict=True)
    head = {"person": [1] * len(rows), "dw_ek_kontakt": keys, "kont_starttidspunkt": starts}
    return {
        "lpr3a_kontakt": pl.DataFrame({**head, "lprindberetningssystem": systems}),
        "lpr3a_diagnose": pl.DataFrame({**head, "diag_kode": codes, "diag_type": ["A"] * len(rows)}),
    }


def lpr3f(*rows: tuple[int, date, str]) -> dict[str, pl.DataFrame]:
    """LPR3F from (contact, start, code) of person 1."""
    keys, starts, codes = zip(*rows, strict=True)
    head = {"person": [1] * len(rows), "dw_ek_kontakt": keys, "dato_start": starts}
    return {
        "lpr3f_kontakter": pl.DataFrame(head),
        "lpr3f_diagnoser": pl.DataFrame({**head, "diagnosekode": codes, "diagnosetype": ["A"] * len(rows)}),
    }


def codes(bucket: Bucket) -> list[tuple[str, str]]:
    """Sorted (source, code) of all diagnoses."""
    return sorted(diagnoses(bucket).select("source", "code").collect().rows())


def test_a_contact_in_both_models_is_taken_from_a(bucket):
    both = {**lpr3a((7, "2020-01-01 08:00", "DI48", "LPR3")), **lpr3f((7, date(2020, 1, 1), "DI48"))}
    assert codes(bucket(**both)) == [("lpr3a", "DI48")]
    assert contacts(bucket(**both)).collect()["source"].to_list() == ["lpr3a"]


def test_a_contact_in_f_alone_is_kept(bucket):
    both = {**lpr3a((7, "2020-01-01 00:00", "DI48", "LPR3")), **lpr3f((8, date(2020, 5, 1), "DI50"))}
    assert codes(bucket(**both)) == [("lpr3a", "DI48"), ("lpr3f", "DI50")]


def test_a_contact_in_a_counts_with_its_diagnoses_there(bucket):
    """F's diagnosis of a contact that A holds is no news, even where A has it without that code."""
    both = {**lpr3a((7, "2020-01-01 00:00", "DI48", "LPR3")), **lpr3f((7, date(2020, 1, 1), "DI50"))}
    assert codes(bucket(**both)) == [("lpr3a", "DI48")]


def test_a_without_diagnoses_in_the_permit_leaves_those_of_f(bucket):
    a = lpr3a((7, "2020-01-01 00:00", "DI48", "LPR3"))["lpr3a_kontakt"]
    assert codes(bucket(lpr3a_kontakt=a, **lpr3f((7, date(2020, 1, 1), "DI50")))) == [("lpr3f", "DI50")]


def test_a_migrated_contact_is_dropped_where_lpr2_covers_its_day(bucket):
    migrated = lpr3a((7, "2019-01-05 09:00", "DI48", "LPR2"))
    assert codes(bucket(lpr_diag=LPR2_DIAGNOSIS, **migrated)) == [("lpr2", "DI48")]


def test_a_migrated_contact_is_kept_where_the_extract_has_no_lpr2(bucket):
    assert codes(bucket(**lpr3a((7, "2019-01-05 09:00", "DI48", "LPR2")))) == [("lpr3a", "DI48")]


def test_a_foreign_system_after_lpr2_ended_is_no_migration(bucket):
    """Private hospitals report through MiniPAS to this day."""
    private = lpr3a((7, "2022-01-05 09:00", "DI50", "MiniPAS"))
    assert codes(bucket(lpr_diag=LPR2_DIAGNOSIS, **private)) == [("lpr2", "DI48"), ("lpr3a", "DI50")]


def test_a_missing_system_is_no_sign_of_migration(bucket):
    unknown = lpr3a((7, "2019-02-20 00:00", "DI50", None))
    assert codes(bucket(lpr_diag=LPR2_DIAGNOSIS, **unknown)) == [("lpr2", "DI48"), ("lpr3a", "DI50")]


def test_no_day_divides_the_versions(bucket):
    """In February 2019 some regions reported to LPR3 and the others still to LPR2: both count."""
    west = LPR2_DIAGNOSIS.with_columns(pl.lit(date(2019, 2, 20)).alias("d_inddto"))
    east = lpr3a((7, "2019-02-20 09:00", "DI50", "LPR3"))
    assert codes(bucket(lpr_diag=west, **east)) == [("lpr2", "DI48"), ("lpr3a", "DI50")]


def test_a_child_with_its_own_reporting_system_needs_no_parent(bucket):
    child = lpr3a((7, "2019-01-05 00:00", "DI48", "LPR2"))["lpr3a_diagnose"]
    child = child.with_columns(pl.lit("LPR2").alias("lprindberetningssystem")).drop("dw_ek_kontakt")
    assert codes(bucket(lpr_diag=LPR2_DIAGNOSIS, lpr3a_diagnose=child)) == [("lpr2", "DI48")]


def test_twins_can_not_be_told_without_their_number(bucket):
    f = {name: frame.drop("dw_ek_kontakt") for name, frame in lpr3f((7, date(2020, 1, 1), "DI48")).items()}
    with pytest.raises(StudyError, match="lpr3f_diagnoser lacks dw_ek_kontakt"):
        diagnoses(bucket(**lpr3a((7, "2020-01-01 00:00", "DI48", "LPR3")), **f))


day = st.dates(date(2018, 12, 1), date(2019, 5, 31))
contact_a = st.tuples(st.integers(1, 6), day, st.sampled_from(["LPR3", "LPR2", "LPR1", None]))
contact_f = st.tuples(st.integers(1, 6), day)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    a=st.lists(contact_a, max_size=5, unique_by=lambda row: row[0]),
    f=st.lists(contact_f, max_size=5, unique_by=lambda row: row[0]),
    ends=day,
)
def test_each_contact_once_by_the_rules_in_plain_python(write_extract, a, f, ends):
    kept = []
    in_a = {key for key, _, _ in a}
    for key, start, system in a:
        if not (system not in (None, "LPR3") and start <= ends):
            kept.append(("lpr3a", key))
    kept += [("lpr3f", key) for key, _ in f if key not in in_a]

    root = write_extract(
        {
            "lpr_adm": pl.DataFrame(schema={"person": pl.Int32, "recnum": pl.Int64, "d_inddto": pl.Date}),
            "lpr3a_kontakt": pl.DataFrame(
                [(1, key, start, system) for key, start, system in a],
                schema={
                    "person": pl.Int32,
                    "dw_ek_kontakt": pl.Int64,
                    "kont_starttidspunkt": pl.Date,
                    "lprindberetningssystem": pl.String,
                },
                orient="row",
            ),
            "lpr3f_kontakter": pl.DataFrame(
                [(1, key, start) for key, start in f],
                schema={"person": pl.Int32, "dw_ek_kontakt": pl.Int64, "dato_start": pl.Date},
                orient="row",
            ),
        },
        coverage={"lpr_adm": (date(1977, 1, 1), ends)},
    )
    found = contacts(Bucket(root, 0)).select("source", "contact").collect()
    assert sorted(found.rows()) == sorted(kept)
