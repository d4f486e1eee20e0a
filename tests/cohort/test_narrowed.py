"""Several buckets read as one say what each says alone."""

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.views import diagnoses

FAR, NEAR = 2**31 - 10, 1


def test_a_contact_moved_from_lpr2_counts_once_in_whichever_of_several_buckets_it_is(write_extract):
    moved = pl.DataFrame(
        {
            "person": [NEAR, FAR],
            "dw_ek_kontakt": [1, 2],
            "kont_starttidspunkt": ["2018-06-01 08:00"] * 2,
            "lprindberetningssystem": ["LPR2"] * 2,
        }
    )
    diagnosed = moved.drop("lprindberetningssystem").with_columns(
        diag_kode=pl.lit("DI48"), diag_type=pl.lit("A")
    )
    before = pl.DataFrame(
        {"person": [NEAR, FAR], "recnum": [1, 2], "d_inddto": ["2018-06-01"] * 2, "c_diag": ["DI48"] * 2}
    ).with_columns(c_diagtype=pl.lit("A"))
    root = write_extract({"lpr3a_kontakt": moved, "lpr3a_diagnose": diagnosed, "lpr_diag": before}, buckets=2)
    together = diagnoses(Neighbours(root, 0, (0, 1))).collect()
    alone = pl.concat([diagnoses(Bucket(root, number)).collect() for number in (0, 1)])
    assert alone.height == 2
    assert together.sort("person").equals(alone.sort("person"))
