"""One contact class by a written rule, and stays with transfers merged."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import contacts, stays
from sundbench.cohort.views.contacts import CONTACT
from sundbench.cohort.views.stays import STAY
from sundbench.errors import StudyError

Lpr2 = tuple[date, date | None, str, str | None]


def lpr_adm(*rows: Lpr2) -> pl.DataFrame:
    """LPR2 contacts of person 1 from (admission, discharge, patient type, mode of admission)."""
    ins, outs, kinds, modes = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "person": [1] * len(rows),
            "recnum": range(len(rows)),
            "d_inddto": ins,
            "d_uddto": pl.Series(outs, dtype=pl.Date),
            "c_pattype": kinds,
            "c_indm": pl.Series(modes, dtype=pl.String),
        }
    )


TEXT = ("kont_sluttidspunkt", "kont_type", "prioritet")


def lpr3a(start: str, end: str | None, kind: str | None = "ALCA00", priority: str | None = "ATA3", **more):
    """One LPR3A contact of person 1."""
    one = {
        "person": 1,
        "dw_ek_kontakt": 1,
        "kont_starttidspunkt": start,
        "kont_sluttidspunkt": end,
        "kont_type": kind,
        "prioritet": priority,
        **more,
    }
    return pl.DataFrame([one], schema_overrides=dict.fromkeys(TEXT, pl.String))


def classes(bucket) -> list[str | None]:
    return contacts(bucket).collect()["class"].to_list()


def test_columns_and_types(bucket):
    view = contacts(bucket(lpr_adm=lpr_adm((date(2010, 1, 1), None, "0", "1"))))
    assert view.collect_schema() == {"person": pl.Int32, **CONTACT}


@pytest.mark.parametrize(
    ("year", "kind", "mode", "expected"),
    [
        (2000, "0", "1", "inpatient"),
        (2000, "1", "2", "inpatient"),
        (2000, "2", "2", "outpatient"),
        (2000, "3", "1", "emergency"),
        (2013, "2", "1", "outpatient"),
        (2014, "2", "1", "emergency"),
        (2014, "2", "2", "outpatient"),
        (2013, "2", None, "outpatient"),
        (2014, "2", None, None),
        (2014, "9", "2", None),
    ],
)
def test_class_in_lpr2(bucket, year, kind, mode, expected):
    """Emergency room visits have a type of their own until 2013; since then they are acute outpatients."""
    assert classes(bucket(lpr_adm=lpr_adm((date(year, 1, 1), None, kind, mode)))) == [expected]


@pytest.mark.parametrize(
    ("start", "end", "kind", "priority", "expected"),
    [
        ("2020-01-01 08:00", "2020-01-01 20:00", "ALCA00", "ATA3", "inpatient"),
        ("2020-01-01 08:00", "2020-01-01 19:59", "ALCA00", "ATA1", "emergency"),
        ("2020-01-01 08:00", "2020-01-01 09:00", "ALCA00", "ATA3", "outpatient"),
        ("2020-01-01 08:00", "2020-01-01 09:00", "ALCA00", None, None),
        ("2020-01-01 08:00", "2020-01-01 20:00", "ALCA00", None, "inpatient"),
        ("2020-01-01 08:00", "2020-01-03 09:00", "ALCA03", "ATA1", "outpatient"),
        ("2020-01-01 08:00", None, "ALCA00", "ATA1", None),
        ("2020-01-01 08:00", "2020-01-01 20:00", None, "ATA1", None),
    ],
)
def test_class_in_lpr3(bucket, start, end, kind, priority, expected):
    """Twelve hours of attendance make an admission; shorter and acute is an emergency visit."""
    assert classes(bucket(lpr3a_kontakt=lpr3a(start, end, kind, priority))) == [expected]


@pytest.mark.parametrize(
    ("start_time", "end_day", "end_time", "expected"),
    [
        ("08:00:00", date(2020, 1, 1), "20:00:00", "inpatient"),
        ("20:00:00", date(2020, 1, 2), "07:59:00", "emergency"),
        (None, date(2020, 1, 2), None, "inpatient"),
        (None, date(2020, 1, 1), None, "emergency"),
    ],
)
def test_class_in_lpr3f(bucket, start_time, end_day, end_time, expected):
    """Clock times where they are delivered; else a night makes an admission."""
    one = {
        "person": 1,
        "dw_ek_kontakt": 1,
        "dato_start": date(2020, 1, 1),
        "dato_slut": end_day,
        "tidspunkt_start": start_time,
        "tidspunkt_slut": end_time,
        "kontakttype": "ALCA00",
        "prioritet": "ATA1",
    }
    clocks = {"tidspunkt_start": pl.String, "tidspunkt_slut": pl.String}
    assert classes(bucket(lpr3f_kontakter=pl.DataFrame([one], schema_overrides=clocks))) == [expected]


def test_psychiatry_counts_with_its_own_numbers(bucket):
    psychiatry = pl.DataFrame(
        {"person": [1, 1], "k_recnum": [5, 6], "d_inddto": [date(2010, 1, 1)] * 2, "c_pattype": ["4", "5"]}
    )
    view = contacts(bucket(t_psyk_adm=psychiatry)).select("source", "contact", "class").collect()
    assert view.rows() == [("psyk", 5, "outpatient"), ("psyk", 6, "inpatient")]


def test_acute_planned_and_unknown(bucket):
    rows = lpr_adm(*((date(2010, 1, 1), None, "0", mode) for mode in "129"))
    assert contacts(bucket(lpr_adm=rows)).collect()["acute"].to_list() == [True, False, None]


def test_specialty_as_delivered_and_by_one_name(bucket):
    lpr2 = lpr_adm((date(2010, 1, 1), None, "0", "1")).with_columns(pl.lit("08").alias("c_spec"))
    lpr3 = lpr3a("2020-01-01", "2020-01-01", kont_ans_hovedspec=" Medicinsk endokrinologi")
    view = contacts(bucket(lpr_adm=lpr2, lpr3a_kontakt=lpr3)).select("specialty", "specialty_name").collect()
    name = "medicinsk endokrinologi"
    assert view.rows() == [("08", name), (" Medicinsk endokrinologi", name)]


def test_what_the_permit_leaves_out_is_null(bucket):
    """As in a delivery that has only keys, specialty and dates."""
    bare = pl.DataFrame({"person": [1], "recnum": [1], "c_spec": ["08"], "d_inddto": [date(2010, 1, 1)]})
    one = contacts(bucket(lpr_adm=bare)).collect().row(0, named=True)
    assert (one["end"], one["class"], one["acute"], one["specialty"]) == (None, None, None, "08")


def test_contacts_without_their_day_are_refused(bucket):
    with pytest.raises(StudyError, match="lpr_adm lacks d_inddto"):
        contacts(bucket(lpr_adm=pl.DataFrame({"person": [1], "recnum": [1]})))


def stay_spans(bucket, *rows: Lpr2) -> list[tuple[date, date | None, int]]:
    return stays(bucket(lpr_adm=lpr_adm(*rows))).select("start", "end", "contacts").collect().rows()


def test_a_transfer_on_the_same_day_or_the_next_continues_the_stay(bucket):
    spans = stay_spans(
        bucket,
        (date(2010, 1, 1), date(2010, 1, 3), "0", "1"),
        (date(2010, 1, 3), date(2010, 1, 5), "0", "2"),
        (date(2010, 1, 6), date(2010, 1, 9), "0", "2"),
    )
    assert spans == [(date(2010, 1, 1), date(2010, 1, 9), 3)]


def test_two_days_later_is_a_new_stay(bucket):
    spans = stay_spans(
        bucket,
        (date(2010, 1, 1), date(2010, 1, 3), "0", "1"),
        (date(2010, 1, 5), date(2010, 1, 6), "0", "1"),
    )
    assert [span[0] for span in spans] == [date(2010, 1, 1), date(2010, 1, 5)]


def test_a_contact_within_another_does_not_shorten_the_stay(bucket):
    spans = stay_spans(
        bucket,
        (date(2010, 1, 1), date(2010, 1, 31), "0", "1"),
        (date(2010, 1, 2), date(2010, 1, 3), "0", "1"),
        (date(2010, 1, 20), date(2010, 1, 21), "0", "1"),
    )
    assert spans == [(date(2010, 1, 1), date(2010, 1, 31), 3)]


def test_an_open_contact_keeps_the_stay_open(bucket):
    spans = stay_spans(
        bucket, (date(2010, 1, 1), None, "0", "1"), (date(2011, 1, 1), date(2011, 1, 2), "0", "1")
    )
    assert spans == [(date(2010, 1, 1), None, 2)]


def test_outpatient_and_emergency_visits_are_no_stays(bucket):
    spans = stay_spans(
        bucket,
        (date(2010, 1, 1), date(2010, 1, 3), "2", "1"),
        (date(2010, 1, 5), date(2010, 1, 6), "3", "1"),
    )
    assert spans == []


def test_a_stay_is_acute_if_it_began_so(bucket):
    view = stays(
        bucket(
            lpr_adm=lpr_adm(
                (date(2010, 1, 1), date(2010, 1, 3), "0", "1"), (date(2010, 1, 3), date(2010, 1, 5), "0", "2")
            )
        )
    )
    assert view.collect_schema() == {"person": pl.Int32, **STAY}
    assert view.collect()["acute"].to_list() == [True]


def test_stays_need_what_tells_inpatients_apart(bucket):
    bare = lpr_adm((date(2010, 1, 1), None, "0", "1")).drop("c_pattype")
    with pytest.raises(StudyError, match="lpr_adm lacks c_pattype"):
        stays(bucket(lpr_adm=bare))
