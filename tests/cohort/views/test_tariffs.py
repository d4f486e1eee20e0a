"""Hospital tariffs: contacts to the end of 2018, spells since LPR3, and each once across the change."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import tariffs
from sundbench.cohort.views.tariffs import TARIFF
from sundbench.errors import StudyError


def contact(spell: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": [1],
            "id": [11],
            "sygehusforloeb_id": [spell],
            "indtidspunkt_drgkontakt": ["2019-01-20 08:00"],
            "udtidspunkt_drgkontakt": ["2019-01-25 12:00"],
            "totalpris_drg": [1_000],
            "drg_gruppe": ["04MA98"],
        }
    )


def spell(number: int, costliest: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": [1],
            "sygehusforloeb_id": [number],
            "forloeb_start": ["2019-01-20 08:00"],
            "forloeb_slut": ["2019-02-10 12:00"],
            "totalpris_drg": [2_000],
            "drg_gruppe": ["04MA98"],
            "overgangskontakt_dyreste": pl.Series([costliest], dtype=pl.String),
        }
    )


def counted(bucket) -> list[tuple[str, int]]:
    return sorted(tariffs(bucket).select("source", "tariff").collect().rows())


def test_inpatient_contacts_and_outpatient_visits(bucket):
    inpatient = pl.DataFrame(
        {
            "person": [1],
            "recnum": [1],
            "d_inddto": [date(2010, 1, 1)],
            "d_uddto": [date(2010, 1, 5)],
            "c_drg": ["0401"],
            "v_totpris": [300],
            "v_totpris_genop": [350],
        }
    )
    visit = pl.DataFrame({"person": [1], "recnum": [2], "d_ambdto": [date(2010, 2, 1)], "v_pris": [20]})
    view = tariffs(bucket(drgsoma_hel=inpatient, drgsoma_amb=visit))
    assert view.collect_schema() == {"person": pl.Int32, **TARIFF}
    assert view.collect().rows() == [
        (1, date(2010, 1, 1), date(2010, 1, 5), 350, "0401", 1, "drgsoma_hel"),
        (1, date(2010, 2, 1), date(2010, 2, 1), 20, None, 2, "drgsoma_amb"),
    ]


@pytest.mark.parametrize(
    ("costliest", "expected"),
    [
        ("LPR2", [("drgsoma_kontakt", 1_000)]),
        ("LPR3", [("drg_forloeb", 2_000)]),
        (None, [("drg_forloeb", 2_000), ("drgsoma_kontakt", 1_000)]),
    ],
)
def test_a_spell_across_the_change_counts_where_it_costs_most(bucket, costliest, expected):
    assert counted(bucket(drgsoma_kontakt=contact(5), drg_forloeb=spell(5, costliest))) == expected


def test_a_spell_is_kept_where_the_permit_has_no_contacts(bucket):
    assert counted(bucket(drg_forloeb=spell(5, "LPR2"))) == [("drg_forloeb", 2_000)]


def test_tariffs_without_their_price_are_refused(bucket):
    with pytest.raises(StudyError, match="drg_forloeb lacks totalpris_drg"):
        tariffs(bucket(drg_forloeb=spell(5, None).drop("totalpris_drg")))
