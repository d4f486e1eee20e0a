"""The engine against the reference implementation, over registers and studies drawn at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import drawn_following
from drawn_features import (
    DAY_0,
    anchors,
    backwards,
    dates,
    days,
    forwards,
    hung,
    lengths,
    made,
    reckoned,
    reductions,
)
from drawn_lives import events, lives, years
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import Person
from reference_extracts import ALWAYS, registers
from reference_following import exposed, pieces
from reference_populations import collect

import sundbench as sb
from sundbench.cohort.features.attributes import REGIONS, SEXES

BUCKETS = 3

numbers = st.integers(1, 2**31 - 1)
persons = st.builds(
    Person,
    numbers,
    st.dates(date(1920, 1, 1), date(2011, 1, 1)),
    st.sampled_from(SEXES),
    st.lists(st.tuples(days, st.sampled_from(REGIONS)), min_size=1, max_size=3, unique_by=lambda s: s[0]).map(
        tuple
    ),
    lives,
    years,
)
populations = st.lists(persons, min_size=1, max_size=6, unique_by=lambda one: one.number)

at_index = st.one_of(
    reductions(backwards(events)),
    reductions(hung(events, 0)),
    reductions(hung(events, 1)),
    reckoned(st.one_of(reductions(backwards(events)), reductions(hung(events, 0))), events),
    reckoned(st.sampled_from([sb.sex(), sb.region(), sb.age()]), events),
    st.sampled_from(
        [
            sb.age(),
            sb.sex(),
            sb.region(),
            sb.charlson(years=0.1),
            sb.charlson(years=0.1, codes="quan", index_day=True).element("diabetes"),
            sb.elixhauser(years=0.1, hierarchy=False),
            sb.education({"basic": "10", "vocational": "30-35"}),
            sb.education(),
            sb.income(),
        ]
    ),
)


def conditions(feature):
    if feature.kind == "bool":
        return st.sampled_from([feature, ~feature])
    if feature.kind in ("int", "float"):
        return st.integers(0, 40).flatmap(
            lambda n: st.sampled_from([feature >= n, feature < n, feature == n, feature.is_missing()])
        )
    if feature.kind == "text":
        return st.sampled_from(feature.labels or ("3538",)).map(lambda label: feature == label)
    return days.map(lambda day: feature <= day)


yes_or_no = at_index.flatmap(conditions)
requirements = st.one_of(
    yes_or_no,
    st.builds(lambda one, other: one & other, yes_or_no, yes_or_no),
    st.builds(lambda one, other: one | other, yes_or_no, yes_or_no),
)
populations_wanted = st.builds(
    sb.new_users,
    st.sampled_from(
        [
            {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")},
            {"statin": sb.dispensing("C10AA")},
            {"one": sb.dispensing("B01AF02") | sb.procedure("BOHJ19J3"), "other": sb.dispensing("B01AA03")},
        ]
    ),
    st.integers(1, 40),
    same_day=st.sampled_from(["drop", "first listed"]),
    of=st.sampled_from([None, sb.dispensing("B01A"), [sb.procedure("BWHA204"), sb.dispensing("C10")]]),
)


def named(features):
    return st.lists(features, max_size=3).map(
        lambda found: {f"x{n}": feature for n, feature in enumerate(found)}
    )


after_another = reductions(
    st.builds(
        lambda event, of, n: event.after(days=n, of=of),
        events,
        st.one_of(anchors(events, 0), dates(forwards(events))),
        st.one_of(st.none(), lengths),
    )
)
requirements_of_studies = st.lists(requirements, max_size=2)
measures_of_studies = named(st.one_of(reductions(forwards(events)), after_another))


@st.composite
def studies(draw):
    length, require = draw(st.integers(0, 60)), draw(requirements_of_studies)
    covariates, measures = draw(named(at_index)), draw(measures_of_studies)
    population = draw(populations_wanted)
    outcomes = draw(st.lists(drawn_following.outcomes(events), max_size=2))
    follow_up, exposures = draw(drawn_following.follow_ups), draw(drawn_following.exposures)
    if len(population.drugs) == 1:
        follow_up = replace(follow_up, crossover=False)
    return made(
        lambda: sb.Study(
            population,
            (DAY_0, DAY_0 + timedelta(days=length)),
            require={f"step {n}": one for n, one in enumerate(require)},
            covariates={"age": sb.age()} | covariates,
            measures={f"m_{name}": feature for name, feature in measures.items()},
            outcomes=dict(zip(("first_outcome", "second_outcome"), outcomes, strict=False)),
            follow_up=follow_up,
            exposures=exposures,
        )
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(people=populations, study=studies(), last=st.integers(30, 120), bands=drawn_following.bands)
def test_the_engine_and_the_reference_agree(write_extract, people, study, last, bands):
    until = DAY_0 + timedelta(days=last)
    coverage = {name: (since, until) for name, (since, _) in ALWAYS.items()}
    db = sb.connect(write_extract(registers(people, whole=True), buckets=BUCKETS, coverage=coverage))
    expected, left = collect(study, people, until)
    cohort = study.collect(db, allow_empty=True, workers=2)
    assert cohort.attrition["persons"].to_list() == left
    found = cohort.table.drop_columns(["end_reason"]).to_pylist()
    assert [rounded(row) for row in found] == [rounded(row) for row in expected]
    by_number = {one.number: one for one in people}
    rows = [(by_number[row["person"]], row) for row in expected]
    for name in study.exposures:
        assert intervals(cohort, name) == [exposed(study, name, *row) for row in rows]
    for outcome in (None, *study.outcomes):
        split = cohort.split(outcome, exposures=study.exposures, **bands)
        assert split_rows(split, cohort, study.exposures) == [
            (place, *piece)
            for place, (who, row) in enumerate(rows)
            for piece in pieces(study, who, row, outcome, exposures=list(study.exposures), **bands)
        ]


def intervals(cohort, name):
    """An exposure's intervals, for each row of the cohort."""
    table = cohort.exposures[name].to_pylist()
    return [
        [(one["start_day"], one["stop_day"], one["state"]) for one in table if one["row"] == place]
        for place in range(len(cohort))
    ]


def split_rows(split, cohort, exposures):
    """Pieces as the reference gives them, bands by their number."""
    found = []
    for piece in split.table.to_pylist():
        assert piece["person"] == cohort.table["person"][piece["row"]].as_py()
        numbers = []
        for name in ("age_band", "calendar_band", "since_entry_band"):
            labels = split.table[name].combine_chunks().dictionary.to_pylist()
            numbers.append(labels.index(piece[name]))
        states = tuple(piece[name] for name in exposures)
        event = (piece["cause"],) if "cause" in piece else (piece["event"],) if "event" in piece else ()
        found.append((piece["row"], piece["start_day"], piece["stop_day"], *numbers, states, *event))
    return found


def rounded(row):
    """A row without the last digits of its fractions: the engine adds exactly, Python doesn't."""
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in row.items()}
