"""Tumours of the cancer registry."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort import views
from sundbench.errors import StudyError


def test_codes_have_the_leading_d_of_lpr_once(bucket):
    codes = ["C349", "D051", "DC349", "DD051", "C44.9 ", "", None]
    frame = pl.DataFrame(
        {
            "person": range(7),
            "d_diagnosedato": ["2010-01-31"] * 7,
            "c_icd10": codes,
            "c_morfo03": ["M81403"] * 7,
        }
    )
    found = views.tumours(bucket(cancer=frame)).collect().sort("person")
    assert found["icd10"].to_list() == ["DC349", "DD051", "DC349", "DD051", "DC449", None, None]
    assert found["date"].unique().to_list() == [date(2010, 1, 31)]
    assert found.columns == ["person", "date", "icd10", "morphology"]


def test_codes_and_morphology_may_be_left_out_by_the_permit(bucket):
    found = views.tumours(
        bucket(cancer=pl.DataFrame({"person": [1], "d_diagnosedato": ["2010-01-31"]}))
    ).collect()
    assert found.row(0) == (1, date(2010, 1, 31), None, None)


def test_tumours_without_a_date_mean_nothing(bucket):
    with pytest.raises(StudyError, match="lacks d_diagnosedato"):
        views.tumours(bucket(cancer=pl.DataFrame({"person": [1], "c_icd10": ["C349"]})))
