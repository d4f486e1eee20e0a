"""The plain second implementation lies beside the tests; pytest imports only test modules by path."""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

import sundbench as sb

sys.path.append(str(Path(__file__).parent))

ANYBODY = sb.Study(
    sb.new_users({"drug": sb.dispensing("B01AF02")}, washout_days=1),
    ("2010-01-01", "2015-12-31"),
    allow_truncated_lookback=True,
)


@pytest.fixture
def cohort_of():
    """A cohort of these rows, ``(person, index)``, in this order: ``cohort_of(db, rows)``."""

    def make(db: sb.Database, rows: list[tuple[int, date]]) -> sb.Cohort:
        table = pa.table(
            {
                "person": pa.array([person for person, _ in rows], pa.int32()),
                "index": pa.array([index for _, index in rows], pa.date32()),
            }
        )
        return replace(ANYBODY.collect(db, allow_empty=True), table=table)

    return make
