"""Each rule of the Open-Source Diabetes Classifier, from its published text, over one person's events."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.cohort.phenotypes.definitions import definition
from sundbench.cohort.phenotypes.diabetes import Sources, classified, events

RULES = definition("diabetes_osdc", {})
DAY = date(2015, 6, 1)
BORN = date(1950, 3, 1)

SCHEMAS = {
    "diagnoses": {
        "person": pl.Int32,
        "date": pl.Date,
        "code": pl.String,
        "type": pl.String,
        "version": pl.Int32,
        "specialty": pl.String,
    },
    "services": {"person": pl.Int32, "date": pl.Date, "specialty": pl.String, "child": pl.String},
    "purchases": {
        "person": pl.Int32,
        "date": pl.Date,
        "atc": pl.String,
        "packages": pl.Float64,
        "ddd": pl.Float64,
        "indication": pl.String,
    },
    "results": {
        "person": pl.Int32,
        "date": pl.Date,
        "npu": pl.String,
        "value": pl.Float64,
        "operator": pl.String,
    },
    "persons": {"person": pl.Int32, "sex": pl.String, "born": pl.Date},
}
MAN, WOMAN = "1", "2"
NOBODY = ("nothing",)


def on(day=0):
    return DAY + timedelta(days=day)


def ill(code="DE119", day=0, kind="A", specialty=None, version=2):
    where = specialty if specialty is not None else ("08" if version == 2 else "medicinsk endokrinologi")
    return "diagnoses", (1, on(day), code, kind, version, where)


def foot(day=0, specialty="540001", child="0"):
    return "services", (1, on(day), specialty, child)


def buys(atc="A10BB01", day=0, ddd=10.0, indication=None, packages=1.0):
    return "purchases", (1, on(day), atc, packages, ddd, indication)


def hba1c(value=50.0, day=0, npu="NPU27300", operator=""):
    return "results", (1, on(day), npu, value, operator)


def sources(*told, sex=MAN, born=BORN, known=True):
    rows = {name: [row for kind, row in told if kind == name] for name in SCHEMAS}
    rows["persons"] = [(1, sex, born)] if known else []
    return Sources(
        **{name: pl.LazyFrame(rows[name], schema, orient="row") for name, schema in SCHEMAS.items()}
    )


def found(*told, rules=RULES, **who):
    """What is found of one person: raw date as days from DAY, stable date, and type; None if nothing."""
    rows = classified(events(sources(*told, **who), rules), rules).collect().rows(named=True)
    if not rows:
        return None
    (row,) = rows
    assert row["has_t1d"] != row["has_t2d"]
    return (row["raw_inclusion_date"] - DAY).days, row["stable_inclusion_date"], 1 if row["has_t1d"] else 2


def included(*told, **who):
    """Whether what is told is an event that includes, as the second one."""
    before = ill("DE149", -4000, "B")
    return found(before, *told, **who) is not None


def type_of(*told, **who):
    return found(*told, **who)[2]


# Inclusion: the second event, of whatever kind


@pytest.mark.parametrize(
    "event", [ill(), foot(), buys(), hba1c()], ids=["diagnosis", "podiatry", "drug", "hba1c"]
)
def test_one_event_is_not_enough_and_a_second_of_any_kind_is(event):
    assert found(event) is None
    for other in (ill(day=9), foot(9), buys(day=9), hba1c(day=9)):
        assert found(event, other)[0] == 9


def test_the_second_event_dates_whatever_comes_later():
    assert found(hba1c(day=0), hba1c(day=5), buys(day=7), ill(day=100))[0] == 5
    assert found(hba1c(day=0), buys(day=7), ill(day=100))[0] == 7


def test_events_of_one_kind_on_a_day_are_several():
    assert found(ill("DE110", 3, "A"), ill("DE110", 3, "B"))[0] == 3
    assert found(buys("A10BA02", 3), buys("A10BB01", 3))[0] == 3
    assert found(foot(3, "540001"), foot(3, "540002"))[0] == 3


def test_events_of_two_kinds_on_a_day_are_one():
    assert found(ill(day=3), foot(3), buys(day=3), hba1c(day=3)) is None
    assert found(ill(day=3), hba1c(day=3), foot(9))[0] == 9


def test_what_is_there_twice_counts_once():
    assert found(ill(day=3), ill(day=3)) is None
    assert found(ill("DE112", 3, "B"), ill("DE114", 3, "B")) is None  # tell the same
    assert found(hba1c(50, 3), hba1c(6.9, 3, "NPU03835")) is None  # one sample in both units
    assert found(foot(3), foot(3)) is None  # reported by SYSI and SSSY
    assert found(buys(day=3), buys(day=3)) is None
    assert found(buys(day=3), buys(day=3, ddd=20.0))[0] == 3


# HbA1c


@pytest.mark.parametrize(
    ("npu", "value", "counts"),
    [
        ("NPU27300", 48.0, True),
        ("NPU27300", 47.9, False),
        ("NPU03835", 6.5, True),
        ("NPU03835", 6.4, False),
        ("NPU27300", 6.5, False),
        ("NPU03835", 48.0, True),
        ("DNK35302", 90.0, False),
        ("NPU27300", None, False),
    ],
)
def test_hba1c_in_both_units(npu, value, counts):
    assert included(hba1c(value, npu=npu)) == counts


@pytest.mark.parametrize(
    ("operator", "counts"), [("", True), (">", True), (">=", True), ("<", False), ("<=", False)]
)
def test_hba1c_below_a_limit_is_not_elevated(operator, counts):
    assert included(hba1c(50, operator=operator)) == counts


# Diagnoses


@pytest.mark.parametrize(
    ("code", "version", "counts"),
    [
        *((f"DE1{n}9", version, True) for n in range(5) for version in (2, 3)),
        ("DE15", 2, False),
        ("DO244", 2, False),
        ("249", 2, True),
        ("25000", 2, True),
        ("251", 2, False),
        ("25000", 3, False),
        (None, 2, False),
    ],
)
def test_diagnoses_of_diabetes(code, version, counts):
    assert included(ill(code, version=version)) == counts


@pytest.mark.parametrize(
    ("kind", "counts"), [("A", True), ("B", True), ("G", False), ("H", False), ("+", False)]
)
def test_types_of_diagnoses(kind, counts):
    assert included(ill(kind=kind)) == counts


# Podiatry


@pytest.mark.parametrize(
    ("specialty", "child", "counts"),
    [
        ("54", "0", True),
        ("540003", "0", True),
        ("53825", "0", False),
        ("154003", "0", False),
        ("540003", "1", False),
        ("540003", None, False),
    ],
)
def test_podiatry_of_the_person(specialty, child, counts):
    assert included(foot(specialty=specialty, child=child)) == counts


# Purchases


@pytest.mark.parametrize(
    ("atc", "counts"),
    [
        ("A10AB01", True),
        ("A10BA02", True),
        ("A10BH01", True),
        ("A10BJ02", False),
        ("A10BK01", False),
        ("A10BK03", False),
        ("A10BK02", True),
        ("A10BD15", True),  # dapagliflozin with metformin
        ("A10AE56", True),  # insulin with a GLP-1 receptor agonist
        ("A02BC01", False),
        (None, False),
    ],
)
def test_glucose_lowering_drugs(atc, counts):
    assert included(buys(atc)) == counts


# Polycystic ovaries


@pytest.mark.parametrize(
    ("sex", "born", "atc", "indication", "counts"),
    [
        (WOMAN, date(1975, 6, 2), "A10BA02", None, False),  # the day before her 40th birthday
        (WOMAN, date(1975, 6, 1), "A10BA02", None, True),
        (WOMAN, date(1975, 6, 1), "A10BA02", "0000781", False),
        (WOMAN, date(1975, 6, 1), "A10BA02", "0000276", False),
        (WOMAN, date(1975, 6, 1), "A10BA02", "0000092", False),
        (WOMAN, date(1975, 6, 1), "A10BA02", "0000093", True),
        (WOMAN, date(1995, 1, 1), "A10BD02", "0000092", True),  # metformin with another drug
        (WOMAN, date(1995, 1, 1), "A10AB01", None, True),
        (MAN, date(1995, 1, 1), "A10BA02", "0000092", True),
        (None, date(1995, 1, 1), "A10BA02", None, False),  # whose sex is unknown
        (WOMAN, None, "A10BA02", None, False),
    ],
)
def test_metformin_that_may_be_for_polycystic_ovaries(sex, born, atc, indication, counts):
    assert included(buys(atc, indication=indication), sex=sex, born=born) == counts


def test_purchases_of_persons_whom_the_population_register_lacks_dont_count():
    assert not included(buys("A10AB01"), known=False)
    assert included(ill(), known=False)


# Pregnancy

ENDINGS = [
    "DO00",
    "DO019",
    "DO02",
    "DO03",
    "DO04",
    "DO05",
    "DO06",
    "DO80",
    "DO81",
    "DO82",
    "DO83",
    "DO84",
    "DZ339",
    "DZ37",
]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("code", ENDINGS)
def test_what_ends_a_pregnancy(code, version):
    assert not included(hba1c(), ill(code, version=version))


@pytest.mark.parametrize("code", ["DO07", "DO08", "DO10", "DO244", "DO85", "DZ34", "DZ321"])
def test_what_does_not(code):
    assert included(hba1c(), ill(code))


@pytest.mark.parametrize(
    ("day", "counts"),
    [(-40 * 7 - 1, True), (-40 * 7, False), (0, False), (12 * 7, False), (12 * 7 + 1, True)],
)
@pytest.mark.parametrize("event", [hba1c, lambda day: buys("A10AB01", day)], ids=["hba1c", "purchase"])
def test_weeks_around_the_end_of_a_pregnancy(event, day, counts):
    assert included(event(day=day), ill("DO800", 0)) == counts


def test_one_pregnancy_of_several_is_enough():
    assert not included(hba1c(), ill("DO800", -2000), ill("DO800", 30), ill("DO800", 2000))


@pytest.mark.parametrize("event", [ill(), foot()], ids=["diagnosis", "podiatry"])
def test_pregnancy_leaves_diagnoses_and_podiatry_alone(event):
    assert included(event, ill("DO800", 0))


@pytest.mark.parametrize("kind", ["G", "H"])
def test_a_pregnancy_is_told_by_action_and_secondary_diagnoses(kind):
    assert included(hba1c(), ill("DO800", kind=kind))


# Stable dates


@pytest.mark.parametrize(
    ("raw", "stable"), [(date(1997, 12, 31), None), (date(1998, 1, 1), date(1998, 1, 1))]
)
def test_dates_before_1998_are_not_stable(raw, stable):
    day = (raw - DAY).days
    assert found(buys(day=day - 30), buys(day=day))[:2] == (day, stable)


def test_purchases_before_1997_count_for_the_raw_date():
    first, second = date(1995, 6, 15), date(1995, 6, 16)
    assert found(buys(day=(first - DAY).days), buys(day=(second - DAY).days))[:2] == (
        (second - DAY).days,
        None,
    )


def test_purchases_before_1997_can_be_left_out():
    rules = definition("diabetes_osdc", {"purchases_from": "1997-01-01"})
    at = [(date(year, 6, 15) - DAY).days for year in (1995, 1996, 1997, 1998)]
    assert found(*(buys(day=day) for day in at), rules=rules)[0] == at[3]
    # They don't tell the type then either.
    told = (ill("DE109"), buys(TABLETS, at[0], 900.0), buys(INSULIN, at[3], 10.0))
    assert found(*told, rules=rules)[2] == 1
    assert found(*told)[2] == 2


def test_the_stable_date_can_begin_later():
    rules = definition("diabetes_osdc", {"stable_from": "2016-01-01"})
    assert found(buys(), buys(day=10), rules=rules)[1] is None


# Type 1 by insulin alone

INSULIN, TABLETS = "A10AB01", "A10BB01"


def test_insulin_alone_and_a_primary_diagnosis_of_type_1():
    assert type_of(buys(INSULIN), ill("DE109", 1)) == 1
    assert type_of(buys(INSULIN), ill("24900", 1)) == 1


@pytest.mark.parametrize(
    "diagnosis",
    [
        ill("DE109", kind="B"),
        ill("DE119"),
        ill("DE139"),
        ill("DE109", specialty="34"),
        ill("DE109", specialty="kirurgi", version=3),
    ],
    ids=["secondary", "type 2", "other", "surgery in LPR2", "surgery in LPR3"],
)
def test_insulin_alone_without_one(diagnosis):
    assert type_of(buys(INSULIN), diagnosis, ill("DE119", -9)) == 2


def test_insulin_alone_needs_no_majority_of_diagnoses():
    assert type_of(buys(INSULIN), ill("DE109"), ill("DE119", 1), ill("DE119", 2)) == 1


def test_drugs_that_dont_count_dont_spoil_insulin_alone():
    assert type_of(buys(INSULIN), ill("DE109"), ill("DE119", 1), buys("A10BJ02", 1), buys("A10BK01", 1)) == 1
    # Insulin with a GLP-1 receptor agonist is no insulin: half of the doses aren't enough then.
    assert type_of(buys(INSULIN), ill("DE109"), buys("A10AE56", 1)) == 2


def test_less_than_one_daily_dose_of_insulin_is_none():
    assert type_of(buys(INSULIN, ddd=0.5), ill("DE109"), ill("DE119", 1)) == 2
    assert type_of(buys(INSULIN, ddd=None), ill("DE109", 1)) == 2


# Type 1 by the pattern of diagnoses and purchases

PATTERN = (ill("DE109", -9), buys(INSULIN, 0, 20.0), buys(TABLETS, 1, 10.0))


def test_the_pattern_of_type_1():
    assert type_of(*PATTERN) == 1


@pytest.mark.parametrize(("doses", "kind"), [(20.0, 1), (19.99, 2)])
def test_two_thirds_of_doses_are_insulin(doses, kind):
    assert type_of(ill("DE109"), buys(INSULIN, 0, doses), buys(TABLETS, 1, 10.0)) == kind


@pytest.mark.parametrize(("day", "kind"), [(180, 1), (181, 2)])
def test_insulin_within_180_days_of_the_first_purchase(day, kind):
    assert type_of(ill("DE109", -999), buys(TABLETS, 0, 10.0), buys(INSULIN, day, 90.0)) == kind


def test_the_first_purchase_is_the_first_that_counts():
    # A purchase that is left out, for polycystic ovaries here, doesn't start the 180 days nor count as doses.
    told = (
        ill("DE109", -999),
        buys("A10BA02", -999, 900.0),
        buys(TABLETS, 0, 10.0),
        buys(INSULIN, 100, 90.0),
    )
    assert type_of(*told, sex=WOMAN, born=date(1990, 1, 1)) == 1
    assert type_of(*told, sex=MAN) == 2


@pytest.mark.parametrize(("one", "two", "kind"), [(2, 1, 1), (1, 1, 2), (1, 2, 2), (0, 1, 2), (0, 0, 2)])
@pytest.mark.parametrize("specialty", ["08", "01"], ids=["endocrinology", "medicine"])
def test_most_diagnoses_of_the_type(one, two, kind, specialty):
    told = [ill("DE109", -n, specialty=specialty) for n in range(1, one + 1)]
    told += [ill("DE119", -n, specialty=specialty) for n in range(1, two + 1)]
    assert type_of(*PATTERN[1:], *told) == kind


def test_endocrinology_decides_where_it_has_told_the_type():
    medicine = [ill("DE119", -n, specialty="01") for n in range(1, 9)]
    assert type_of(*PATTERN, *medicine) == 1
    others = [ill("DE109", -n, specialty="01") for n in range(1, 9)]
    assert type_of(*PATTERN[1:], ill("DE119", -9), *others) == 2
    # Secondary diagnoses and those of no type don't decide.
    assert type_of(*PATTERN[1:], ill("DE119", -9, "B"), ill("DE139", -9), *others) == 1


@pytest.mark.parametrize(
    ("version", "specialty", "counts"),
    [
        *((2, f"{n:02d}", 1 <= n <= 30) for n in (0, 1, 7, 8, 9, 30, 31, 38, 99)),
        (2, "8", True),
        (2, None, False),
        (3, "medicinsk endokrinologi", True),
        (3, "Endokrinologi", True),
        (3, "blandet medicin og kirurgi", True),
        (3, "hæmatologi", True),
        (3, "Lungesygdomme", True),
        (3, "oftalmologi", True),
        (3, "thoraxkirurgi", False),
        (3, "08", False),
    ],
)
def test_departments_that_tell_the_type(version, specialty, counts):
    told = ("diagnoses", (1, on(-9), "DE109", "A", version, specialty))
    assert type_of(*PATTERN[1:], told) == (1 if counts else 2)


def test_who_buys_nothing_has_type_2():
    assert type_of(ill("DE109"), ill("DE109", 1)) == 2


def test_purchases_in_pregnancy_dont_tell_the_type():
    told = (ill("DE109", -999), buys(INSULIN, -500), ill("DO800", 0), buys(TABLETS, -10, 900.0))
    assert type_of(*told, sex=WOMAN) == 1


# Laws

EVENTS = st.builds(
    lambda make, day: make(day),
    st.sampled_from(
        [
            lambda day: ill("DE109", day),
            lambda day: ill("DE119", day, "B"),
            lambda day: ill("DO800", day),
            foot,
            lambda day: buys(INSULIN, day),
            lambda day: buys("A10BA02", day),
            lambda day: hba1c(day=day),
        ]
    ),
    st.integers(-60, 60).map(lambda n: n * 11),
)


def days_of(told, sex, born):
    """The slow reading: the days of each kind of event, with how many there are of it."""
    endings = {row[1] for kind, row in told if kind == "diagnoses" and row[2].startswith("DO8")}
    pregnant = lambda day: any(  # noqa: E731
        end - timedelta(weeks=40) <= day <= end + timedelta(weeks=12) for end in endings
    )
    per_kind = {"diagnoses": {}, "services": {}, "drugs": {}}
    for kind, row in set(told):
        day = row[1]
        if kind == "diagnoses" and not row[2].startswith("DO8"):
            per_kind["diagnoses"].setdefault(day, set()).add(row)
        elif kind == "services":
            per_kind["services"].setdefault(day, set()).add(row)
        elif kind == "purchases" and not pregnant(day):
            young = day < born.replace(year=born.year + 40)
            if not (sex == WOMAN and row[2] == "A10BA02" and young):
                per_kind["drugs"].setdefault(day, set()).add(row)
        elif kind == "results" and not pregnant(day):
            per_kind["drugs"].setdefault(day, set())
    counts = {}
    for of_day in per_kind.values():
        for day, rows in of_day.items():
            counts[day] = max(counts.get(day, 0), len(rows), 1)
    return counts


@settings(deadline=None, max_examples=40)
@given(st.lists(EVENTS, max_size=8), st.sampled_from([MAN, WOMAN]), st.randoms())
def test_a_slow_reading_gives_the_same_date_whatever_the_order(told, sex, random):
    born = date(1975, 6, 1)
    counts = days_of(told, sex, born)
    days = [day for day in sorted(counts) for _ in range(counts[day])]
    expected = (days[1] - DAY).days if len(days) > 1 else None
    first = found(*told, sex=sex, born=born)
    assert (first[0] if first else None) == expected
    random.shuffle(told)
    assert found(*told, sex=sex, born=born) == first


def test_persons_dont_mix():
    both = sources(ill(), buys(INSULIN, 5))
    other = both.diagnoses.with_columns(pl.lit(2, pl.Int32).alias("person"))
    mixed = replace(both, diagnoses=other)
    assert classified(events(mixed, RULES), RULES).collect().is_empty()
