"""Follow-up against the plain reading, over persons drawn at random who nearly all enter."""

from __future__ import annotations

from datetime import date, timedelta

import drawn_following
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import Happening, Person
from reference_extracts import ALWAYS, registers
from reference_following import exposed, pieces
from reference_populations import collect

import sundbench as sb

DAY_0 = date(2012, 2, 1)
ENTERING = st.sampled_from(["B01AF02", "B01AA03"])
NEW = [
    sb.new_users(
        {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")},
        1,
        same_day="first listed",
        of=sb.procedure("BOHJ19J3"),
    ),
    sb.new_users(
        {"any": sb.dispensing("B01A"), "warfarin": sb.dispensing("B01AA03")},
        1,
        same_day="first listed",
        of=sb.procedure("BOHJ19J3"),
    ),
]

days = st.integers(-4, 14).map(lambda n: DAY_0 + timedelta(days=5 * n))
"""Few different days, so that much falls on one day or exactly at a boundary."""


def happening(view, codes, kind="", when=days):
    return st.builds(
        lambda day, code, packages: Happening(
            view, day, code, kind, (("packages", float(packages)), ("price", 100), ("value", 1.0))
        ),
        when,
        codes,
        st.integers(1, 3),
    )


starting = st.integers(0, 2).map(lambda n: DAY_0 + timedelta(days=5 * n))
lives = st.builds(
    lambda first, *rest: (first, *(one for part in rest for one in part)),
    happening("dispensings", ENTERING, when=starting),
    st.lists(
        happening("dispensings", st.sampled_from(["B01AF02", "B01AA03", "C10AA05"])), min_size=4, max_size=8
    ),
    st.lists(happening("diagnoses", st.sampled_from(["DI489", "DI500"]), "A"), min_size=3, max_size=6),
    st.lists(happening("procedures", st.just("BWHA204")), max_size=2),
    st.lists(happening("laboratory", st.just("NPU27300")), max_size=2),
    st.lists(happening("deaths", st.just(""), when=days.filter(lambda day: day > DAY_0)), max_size=1),
)
people = st.lists(
    st.builds(
        Person,
        st.integers(1, 2**31 - 1),
        st.dates(date(1920, 1, 1), date(1990, 1, 1)),
        st.just("female"),
        st.just(((date(2011, 12, 31), "Capital"),)),
        lives,
    ),
    min_size=4,
    max_size=8,
    unique_by=lambda one: one.number,
)
events = st.sampled_from([sb.diagnosis("DI48"), sb.diagnosis("DI50"), sb.death(), sb.dispensing("C10AA")])
studies = st.builds(
    lambda population, outcomes, follow_up, exposures: sb.Study(
        population,
        (DAY_0 - timedelta(days=20), DAY_0 + timedelta(days=80)),
        covariates={"age": sb.age()},
        outcomes=dict(zip(("one", "other"), outcomes, strict=False)),
        follow_up=follow_up,
        exposures=exposures,
    ),
    st.sampled_from(NEW),
    st.lists(drawn_following.outcomes(events), min_size=2, max_size=2),
    drawn_following.follow_ups,
    drawn_following.exposures,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(persons=people, study=studies, last=st.integers(60, 150), bands=drawn_following.bands)
def test_the_engine_and_the_reference_agree(write_extract, persons, study, last, bands):
    until = DAY_0 + timedelta(days=last)
    coverage = {name: (since, until) for name, (since, _) in ALWAYS.items()}
    db = sb.connect(write_extract(registers(persons), buckets=2, coverage=coverage))
    expected, left = collect(study, persons, until)
    cohort = study.collect(db, allow_empty=True, workers=1)
    assert cohort.attrition["persons"].to_list() == left
    assert cohort.table.drop_columns(["end_reason"]).to_pylist() == expected
    numbered = {one.number: one for one in persons}
    rows = [(numbered[row["person"]], row) for row in expected]
    for name in study.exposures:
        found = cohort.exposures[name].to_pylist()
        assert [(one["row"], one["start_day"], one["stop_day"], one["state"]) for one in found] == [
            (place, *one) for place, row in enumerate(rows) for one in exposed(study, name, *row)
        ]
    for outcome in (None, *study.outcomes):
        assert in_numbers(cohort.split(outcome, exposures=study.exposures, **bands), study.exposures) == [
            (place, *piece)
            for place, (who, row) in enumerate(rows)
            for piece in pieces(study, who, row, outcome, exposures=list(study.exposures), **bands)
        ]


def in_numbers(split, exposures):
    """Pieces as the reference gives them: bands by their place."""
    bands = [split.table[name].combine_chunks() for name in ("age_band", "calendar_band", "since_entry_band")]
    ends = [name for name in ("cause", "event") if name in split.table.column_names][:1]
    places = [band.indices.to_pylist() for band in bands]
    return [
        (
            *(one[name] for name in ("row", "start_day", "stop_day")),
            *numbers,
            tuple(one[name] for name in exposures),
            *(one[name] for name in ends),
        )
        for one, *numbers in zip(split.table.to_pylist(), *places, strict=True)
    ]
