"""Every kind of population against the reference implementation, over registers drawn at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reference import Happening, Person
from reference_extracts import ALWAYS, registers
from reference_populations import collect

import sundbench as sb

DAY_0 = date(2012, 2, 1)
LAST = DAY_0 + timedelta(days=60)
SNAPSHOTS = [DAY_0 - timedelta(days=20), DAY_0 + timedelta(days=10), DAY_0 + timedelta(days=30)]
BUCKETS = 3

days = st.integers(-15, 50).map(lambda n: DAY_0 + timedelta(days=n))
happenings = st.one_of(
    st.builds(
        lambda day, code: Happening("dispensings", day, code),
        days,
        st.sampled_from(["B01AF02", "B01AA03", "B01AA03"]),
    ),
    st.builds(
        lambda day, code: Happening("diagnoses", day, code, "A"), days, st.sampled_from(["DC50", "DI21"])
    ),
)
deaths = st.builds(lambda day: Happening("deaths", day), days)
emigrations = st.builds(lambda day: Happening("emigrations", day), days)
shown = st.lists(
    st.tuples(st.sampled_from(SNAPSHOTS), st.sampled_from(["Capital", "Zealand"])),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one[0],
)
drawn = st.builds(
    lambda number, born, sex, snapshots, life, death, left: Person(
        number, born, sex, tuple(snapshots), (*life, *death, *left)
    ),
    st.integers(1, 2**31 - 1),
    st.sampled_from([date(1950, 3, 1), date(1950, 9, 1), date(1951, 1, 1)]),
    st.sampled_from(["female", "male"]),
    st.one_of(st.just([(SNAPSHOTS[0], "Capital"), (SNAPSHOTS[2], "Capital")]), shown),
    st.lists(happenings, max_size=7),
    st.one_of(st.just([]), st.lists(deaths, max_size=1)),
    st.one_of(st.just([]), st.lists(emigrations, max_size=1)),
)
# One person in each bucket is in every snapshot: all buckets know all their days.
STEADY = [
    Person(2**31 // BUCKETS * n + 5, date(1950, 1, 1), "male", tuple((day, "Capital") for day in SNAPSHOTS))
    for n in range(BUCKETS)
]


@st.composite
def worlds(draw):
    people = draw(st.lists(drawn, min_size=3, max_size=14, unique_by=lambda one: one.number))
    numbers = [one.number for one in people]
    others = {one.number: one for one in STEADY if one.number not in numbers}
    parent = st.one_of(st.none(), st.sampled_from(numbers[:3]))
    return [
        *others.values(),
        *(
            replace(
                one,
                mother=draw(parent.filter(lambda n, one=one: n != one.number)),
                father=draw(parent.filter(lambda n, one=one: n != one.number)),
            )
            for one in people
        ),
    ]


NEW, OLD, ILL = sb.dispensing("B01AF02"), sb.dispensing("B01AA03"), sb.diagnosis("DC50")
of_one_bucket = st.one_of(
    st.builds(lambda n: sb.onset(ILL, nth=n), st.integers(1, 2)),
    st.builds(
        lambda n, of: sb.onset(ILL, washout_days=n, free_of=of),
        st.integers(1, 20),
        st.sampled_from([None, OLD, [ILL, NEW]]),
    ),
    st.just(sb.onset(sb.death())),
    days.map(sb.residents),
    st.builds(
        sb.new_users,
        st.sampled_from([{"new": NEW}, {"old": OLD, "new": NEW}]),
        st.integers(1, 20),
    ),
)
matched = st.builds(
    lambda cases, ratio, on, risk, seed: sb.matched(cases, ratio, on=on, at_risk=risk, seed=seed),
    of_one_bucket,
    st.integers(1, 4),
    st.sampled_from([(), ("sex",), ("sex", "birth_year"), ("birth_year", "region"), ("region",)]),
    st.sampled_from([None, None, OLD, ~NEW.before(days=10, index_day=True).any()]),
    st.integers(0, 2**40),
)
prevalent = st.builds(
    lambda sets, apart, ratio, washout, seed: sb.prevalent_new_users(
        {"new": NEW},
        {"old": OLD},
        washout,
        sets="time" if sets is not None else "dispensings",
        within_days=sets,
        calendar_days=apart,
        ratio=ratio,
        seed=seed,
    ),
    st.one_of(st.none(), st.integers(0, 10)),
    st.one_of(st.none(), st.integers(0, 15)),
    st.one_of(st.none(), st.integers(1, 3)),
    st.integers(1, 20),
    st.integers(0, 2**40),
)
families = st.one_of(
    st.builds(
        lambda cases, kind: sb.siblings(cases, kind=kind),
        of_one_bucket,
        st.sampled_from(["any", "full", "maternal half", "paternal half"]),
    ),
    of_one_bucket.map(sb.parents),
    of_one_bucket.map(sb.children),
)
requirements = st.lists(
    st.sampled_from(
        [
            ~sb.diagnosis("DI21").before(days=30, index_day=True).any(),
            OLD.before().any(),
            sb.age() >= 61,
            sb.sex() == "female",
        ]
    ),
    max_size=1,
).map(lambda found: {f"step {n}": one for n, one in enumerate(found)})


@st.composite
def studies(draw, population):
    asked = draw(population)
    followed = draw(st.booleans())
    return sb.Study(
        asked,
        None if asked.index_day is not None else (DAY_0, DAY_0 + timedelta(days=draw(st.integers(0, 45)))),
        require=draw(requirements),
        covariates={"age": sb.age(), "infarctions": sb.diagnosis("DI21").before().count()},
        measures={"old_after": OLD.after(days=10).any()},
        outcomes={"illness": ILL} if followed else {},
        follow_up=sb.follow_up([sb.death(), sb.emigration()], max_days=30) if followed else None,
        allow_truncated_lookback=True,
    )


@pytest.mark.parametrize(
    "kind",
    [of_one_bucket, matched, prevalent, families],
    ids=["of one bucket", "matched", "prevalent", "families"],
)
def test_the_engine_and_the_reference_agree(write_extract, kind):
    @settings(
        max_examples=25,
        phases=[Phase.explicit, Phase.generate],  # a failing example here takes minutes to shrink
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(people=worlds(), study=studies(kind))
    def agree(people, study):
        coverage = {name: (since, LAST) for name, (since, _) in ALWAYS.items()}
        db = sb.connect(write_extract(registers(people), buckets=BUCKETS, coverage=coverage))
        expected, left = collect(study, people, LAST)
        assert "nothing has been read yet" in str(study.explain(db))
        cohort = study.collect(db, allow_empty=True, workers=1)
        assert cohort.attrition["persons"].to_list() == left
        for row, told in zip(cohort.table.to_pylist(), expected, strict=True):
            row.pop("end_reason", None)
            assert row == told

    agree()
