"""Follow-up, outcomes and exposures drawn at random."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

import sundbench as sb

lengths = st.integers(1, 60)

rules = st.builds(
    lambda days, each, grace, stock: sb.Rules(sb.fixed_days(days, each), grace_days=grace, stockpile=stock),
    st.integers(1, 30),
    st.sampled_from(["dispensing", "package"]),
    st.sampled_from([0, 1, 5, 20]),
    st.sampled_from([None, 0, 3]),
)
plain_rules = st.builds(
    lambda days, grace: sb.Rules(sb.fixed_days(days), grace_days=grace),
    st.integers(1, 30),
    st.integers(0, 20),
)


def outcomes(events):
    """Events, with others that compete with them, or that count again."""
    return st.one_of(
        events,
        st.builds(
            lambda event, others: sb.outcome(event, competing=[one for one in others if one != event]),
            events,
            st.lists(events, min_size=1, max_size=2, unique_by=repr),
        ),
        st.builds(
            lambda event, gap: sb.outcome(event, recurrent=True, gap_days=gap),
            events,
            st.sampled_from([0, 4, 5, 10]),
        ),
    )


starts = st.one_of(
    st.just({}),
    st.just({}),
    st.integers(1, 20).map(lambda n: {"start_day": n}),
    st.sampled_from(
        [
            {"start": sb.dispensing("C10AA").after().first()},
            {"start": sb.lab("NPU27300").between(-20, 20).first()},
        ]
    ),
)


treatments = st.builds(
    lambda kept, switching, lag: sb.on_treatment(kept, switching=switching, lag_days=lag),
    plain_rules,
    st.booleans(),
    st.integers(0, 20),
)
ends = st.sampled_from(
    [
        [],
        [sb.death()],
        [sb.death() | sb.emigration()],
        [sb.death(), sb.emigration()],
        [sb.dispensing("B01AA03")],
    ]
)
follow_ups = st.builds(
    lambda until, most, treatment, earlier, start, crossover: sb.follow_up(
        until,
        None if most is None else most + start.get("start_day", 0),
        on_treatment=treatment,
        earlier_outcomes=earlier,
        crossover=crossover and (treatment is None or not treatment.switching),
        **start,
    ),
    ends,
    st.one_of(st.none(), lengths),
    st.one_of(st.none(), treatments),
    st.sampled_from(["drop", "ignore"]),
    starts,
    st.sampled_from([False, False, True]),
)

exposures = st.lists(
    st.one_of(
        st.builds(
            lambda event, kept, lag, recent: sb.exposure(event, kept, lag_days=lag, recent_days=recent),
            st.sampled_from([sb.dispensing("C10AA"), sb.dispensing("B01A")]),
            rules,
            st.integers(0, 20),
            st.integers(0, 20),
        ),
        st.builds(
            lambda kept: sb.exposure(sb.procedure("BWHA204") | sb.dispensing("C10AA05"), kept), plain_rules
        ),
    ),
    max_size=2,
).map(lambda found: {f"exposure_{n}": one for n, one in enumerate(found)})

bands = st.fixed_dictionaries(
    {
        "age": st.lists(st.integers(1, 95), min_size=1, max_size=4, unique=True).map(sorted),
        "calendar": st.lists(
            st.dates(date(2012, 1, 1), date(2012, 6, 1)), min_size=1, max_size=3, unique=True
        ).map(sorted),
        "since_entry": st.lists(st.integers(1, 80), min_size=1, max_size=3, unique=True).map(sorted),
    }
)
"""Where follow-up is split."""
