"""Residence from snapshots, migrations and deaths, by the rules of the module's page."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import emigrations, migrations, residence
from sundbench.errors import StudyError

SNAPSHOTS = [date(year, 12, 31) for year in range(2010, 2015)]
END = date(2015, 12, 31)

Move = tuple[date, str]


def bef(*years: int, person: int = 1, born: date = date(1950, 1, 1)) -> pl.DataFrame:
    """Snapshots of a person at the end of the years."""
    seen = [date(year, 12, 31) for year in years]
    schema = {"person": pl.Int64, "referencetid": pl.Date, "foed_dato": pl.Date}
    return pl.DataFrame([(person, day, born) for day in seen], schema=schema, orient="row")


def vnds(*moves: Move, person: int = 1) -> pl.DataFrame:
    """Migrations of a person from (day, I or U)."""
    return pl.DataFrame(
        [(person, day, code) for day, code in moves],
        schema={"person": pl.Int32, "haend_dato": pl.Date, "indud_kode": pl.String},
        orient="row",
    )


@pytest.fixture
def intervals(write_extract):
    """Intervals of person 1, in a register whose other persons are in every snapshot."""

    def of(population: pl.DataFrame, moves: Sequence[Move] = (), died: date | None = None):
        others = bef(2010, 2011, 2012, 2013, 2014, person=2)
        registers = {"bef": pl.concat([population, others])}
        registers["vnds"] = vnds(*moves)
        if died is not None:
            registers["dod"] = pl.DataFrame({"person": [1], "doddato": [died]})
        root = write_extract(registers, coverage={"bef": (date(2010, 12, 31), END)})
        return (
            residence(Bucket(root, 0)).filter(pl.col("person") == 1).select("from", "until").collect().rows()
        )

    return of


def test_in_all_snapshots_resident_to_the_end_of_coverage(intervals):
    assert intervals(bef(2010, 2011, 2012, 2013, 2014)) == [(date(2010, 12, 31), END)]


def test_resident_from_the_first_to_the_snapshot_after_the_last(intervals):
    assert intervals(bef(2011, 2012)) == [(date(2011, 12, 31), date(2013, 12, 30))]


def test_absence_between_two_snapshots_is_no_emigration(intervals):
    assert intervals(bef(2010, 2013)) == [(date(2010, 12, 31), date(2014, 12, 30))]


def test_death_ends_residence(intervals):
    died = date(2013, 3, 4)
    assert intervals(bef(2010, 2011, 2012), died=died) == [(date(2010, 12, 31), died)]


def test_a_newborn_is_resident_from_birth(intervals):
    born = date(2012, 6, 1)
    assert intervals(bef(2012, 2013, 2014, born=born)) == [(born, END)]


def test_who_first_appears_later_is_no_newborn(intervals):
    assert intervals(bef(2013, 2014, born=date(2012, 6, 1))) == [(date(2013, 12, 31), END)]


def test_emigration_and_return(intervals):
    moves = [(date(2011, 5, 1), "U"), (date(2013, 2, 1), "I")]
    assert intervals(bef(2010, 2013, 2014), moves) == [
        (date(2010, 12, 31), date(2011, 4, 30)),
        (date(2013, 2, 1), END),
    ]


def test_immigration_starts_residence_on_its_day(intervals):
    assert intervals(bef(2012, 2013, 2014), [(date(2012, 3, 1), "I")]) == [(date(2012, 3, 1), END)]


def test_immigration_without_a_snapshot_lasts_to_the_next(intervals):
    assert intervals(bef(), [(date(2012, 3, 1), "I")]) == [(date(2012, 3, 1), date(2012, 12, 30))]


def test_of_two_emigrations_the_first_counts(intervals):
    moves = [(date(2011, 5, 1), "U"), (date(2011, 9, 1), "U")]
    assert intervals(bef(2010), moves) == [(date(2010, 12, 31), date(2011, 4, 30))]


def test_out_and_in_again_on_one_day_is_no_absence(intervals):
    moves = [(date(2011, 5, 1), "I"), (date(2011, 5, 1), "U")]
    assert intervals(bef(2010, 2011, 2012, 2013, 2014), moves) == [(date(2010, 12, 31), END)]


def test_snapshots_after_an_emigration_prove_a_return_that_was_not_recorded(intervals):
    moves = [(date(2011, 5, 1), "U")]
    assert intervals(bef(2010, 2013, 2014), moves) == [
        (date(2010, 12, 31), date(2011, 4, 30)),
        (date(2013, 12, 31), END),
    ]


def test_snapshots_before_an_immigration_prove_an_emigration_that_was_not_recorded(intervals):
    moves = [(date(2013, 5, 1), "I")]
    assert intervals(bef(2010, 2013, 2014), moves) == [
        (date(2010, 12, 31), date(2011, 12, 30)),
        (date(2013, 5, 1), END),
    ]


def test_without_vnds_snapshots_alone_tell(bucket):
    view = residence(bucket(bef=bef(2010, 2011))).collect()
    assert view.rows() == [(1, date(2010, 12, 31), date(2025, 12, 31))]


def test_undated_snapshots_are_refused(bucket):
    with pytest.raises(StudyError, match="bef lacks referencetid"):
        residence(bucket(bef=bef(2010).drop("referencetid")))


def test_moves_alternate(bucket):
    moves = vnds(
        (date(2011, 5, 1), "U"), (date(2011, 5, 1), "U"), (date(2012, 1, 1), "U"), (date(2013, 1, 1), "I")
    )
    one = bucket(vnds=moves)
    assert migrations(one).select("date", "direction").collect().rows() == [
        (date(2011, 5, 1), "out"),
        (date(2013, 1, 1), "in"),
    ]
    assert emigrations(one).collect().rows() == [(1, date(2011, 5, 1))]


def plainly(seen: list[date], moves: list[Move], born: date, died: date | None) -> list[tuple[date, date]]:
    """The rules day by day, for one person."""
    ordered: list[Move] = []
    for move in sorted(set(moves), key=lambda move: (move[0], move[1] == "I")):
        if not ordered or ordered[-1][1] != move[1]:
            ordered.append(move)
    one_day = timedelta(1)

    def lasts(snapshot: date) -> date:
        later = [s for s in SNAPSHOTS if s > snapshot]
        return later[0] - one_day if later else END

    resident: set[date] = set()

    def reside(first: date, last: date) -> None:
        while first <= last:
            resident.add(first)
            first += one_day

    edges: list[Move | None] = [None, *ordered, None]
    for before, after in pairwise(edges):
        inside = [s for s in seen if (before is None or s > before[0]) and (after is None or s <= after[0])]
        stop = after[0] - one_day if after is not None else END
        if before is None and inside:
            earlier = [s for s in SNAPSHOTS if s < inside[0]]
            newborn = bool(earlier) and earlier[-1] < born <= inside[0]
            first = born if newborn else inside[0]
            reside(first, stop if after is not None and after[1] == "U" else min(lasts(inside[-1]), stop))
        elif before is not None and before[1] == "I":
            if after is not None:
                reside(before[0], stop)
            elif inside:
                reside(before[0], lasts(inside[-1]))
            else:
                reside(
                    before[0], min([s for s in SNAPSHOTS if s > before[0]], default=END + one_day) - one_day
                )
        elif before is not None and inside:
            reside(inside[0], min(lasts(inside[-1]), stop))
    days = sorted(day for day in resident if died is None or day <= died)
    firsts = [day for day in days if day - one_day not in resident]
    lasts_ = [day for day in days if day + one_day not in days]
    return list(zip(firsts, lasts_, strict=True))


day = st.dates(date(2010, 6, 1), date(2015, 6, 30)) | st.sampled_from(SNAPSHOTS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seen=st.lists(st.sampled_from(SNAPSHOTS), unique=True).map(sorted),
    moves=st.lists(st.tuples(day, st.sampled_from("IU")), max_size=4),
    born=st.dates(date(2009, 1, 1), date(2014, 12, 31)),
    died=st.none() | day,
)
def test_intervals_day_by_day(intervals, seen, moves, born, died):
    population = bef(*(snapshot.year for snapshot in seen), born=born)
    assert intervals(population, moves, died) == plainly(seen, moves, born, died)
