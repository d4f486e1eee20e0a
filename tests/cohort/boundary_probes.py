"""How the engine is asked whether a day belongs to a row of the table of boundaries.

Each function takes the row, a day (from the index day) and ``extract``, which makes an extract of persons;
it says whether the engine counts the day in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from reference import Happening, Person

import sundbench as sb
from sundbench.cohort.boundaries import Boundary
from sundbench.cohort.database import Database
from sundbench.cohort.events.event import Event
from sundbench.cohort.features.feature import Occurrences
from sundbench.cohort.following.follow_up import FollowUp
from sundbench.errors import StudyError

INDEX = date(2012, 6, 1)
DRUG, OTHER = "B01AF02", "B01AA03"
NEW = sb.new_users({"apixaban": sb.dispensing(DRUG), "warfarin": sb.dispensing(OTHER)}, washout_days=365)
ONE = sb.new_users({"apixaban": sb.dispensing(DRUG)}, washout_days=365)
ENTRY = (INDEX, INDEX)
STROKE = sb.diagnosis("DI63")

Extract = Callable[..., Database]


def on(day: int) -> date:
    """The calendar day so many days from the index day."""
    return INDEX + timedelta(days=day)


def someone(*life: Happening, number: int = 1, born: date = date(1950, 1, 1)) -> Person:
    """A person who gets the drug on the index day and lives in the capital."""
    snapshots = tuple((date(year, 12, 31), "Capital") for year in range(2005, 2018))
    return Person(number, born, "female", snapshots, (gets(DRUG, 0), *life))


def gets(code: str, day: int) -> Happening:
    return Happening("dispensings", on(day), code)


def ill(code: str, day: int) -> Happening:
    return Happening("diagnoses", on(day), code, "A")


def feature(row: Boundary, day: int, extract: Extract) -> bool:
    """A feature of yes or no of someone to whom the event happens on that day alone."""
    db = extract(someone(ill("DI489", day), gets("A10BA02", -100)))
    names = {
        "event": sb.diagnosis("DI48"),
        "anchor": sb.dispensing("A10BA02").before().first(),
        "on": on,
        "sb": sb,
    }
    tried = eval(row.tried, names)
    return bool(sb.Study(ONE, ENTRY, measures={"there": tried}).collect(db).frame["there"][0])


def covariate(row: Boundary, day: int, extract: Extract) -> bool:
    """A covariate whose window ends on that day: whether the protocol may have it."""
    return _allowed(sb.diagnosis("DI48").between(-30, day))


def covariate_from_a_date(row: Boundary, day: int, extract: Extract) -> bool:
    """One that ends so many days from a date that lies on day -1 at the latest."""
    event = sb.diagnosis("DI48")
    return _allowed(event.between(-30, day, of=event.before(days=30).last()))


def covariate_of_a_period(row: Boundary, day: int, extract: Extract) -> bool:
    """One that ends so many days from the first day of entry."""
    return _allowed(sb.diagnosis("DI48").between(on(-30), on(day)))


def _allowed(occurrences: Occurrences) -> bool:
    try:
        sb.Study(ONE, ENTRY, covariates={"there": occurrences.any()})
    except StudyError as error:
        return "immortal time" not in str(error)
    return True


def birthday(row: Boundary, day: int, extract: Extract) -> bool:
    """Someone who turns 18 so many days from the index day."""
    db = extract(someone(born=on(day).replace(year=on(day).year - 18)))
    return bool(sb.Study(ONE, ENTRY, covariates={"of_age": sb.age() >= 18}).collect(db).frame["of_age"][0])


def washout(row: Boundary, day: int, extract: Extract) -> bool:
    """Someone who got the other drug on that day."""
    study = sb.Study(NEW, ENTRY)
    return len(study.collect(extract(someone(gets(OTHER, day))), allow_empty=True)) == 0


def entry(row: Boundary, day: int, extract: Extract) -> bool:
    """An entry period that begins so many days before the index day and lasts for ten."""
    study = sb.Study(ONE, (on(-day), on(10 - day)))
    return len(study.collect(extract(someone()), allow_empty=True)) == 1


def residence(row: Boundary, day: int, extract: Extract) -> bool:
    """Someone who is away on that day: who emigrates on it, or moves in on the next and was never here."""
    comes = day < 0
    move = Happening("immigrations", on(day + 1)) if comes else Happening("emigrations", on(day))
    person = someone(move)
    here = tuple(shot for shot in person.snapshots if shot[0] >= move.date or not comes)
    study = sb.Study(ONE, ENTRY, covariates={"there": sb.resident(days=365)})
    return not study.collect(extract(replace(person, snapshots=here))).frame["there"][0]


def outcome(row: Boundary, day: int, extract: Extract) -> bool:
    """An outcome on that day, in 30 days of follow-up."""
    study = sb.Study(ONE, ENTRY, outcomes={"stroke": STROKE}, follow_up=sb.follow_up(max_days=30))
    return bool(study.collect(extract(someone(ill("DI639", day)))).frame["stroke_event"][0])


def until(row: Boundary, day: int, extract: Extract) -> bool:
    """Whether a stroke on that day ends 30 days of follow-up before their time."""
    return _ended(extract(someone(ill("DI639", day))), STROKE)


def until_death(row: Boundary, day: int, extract: Extract) -> bool:
    """The same of a death."""
    return _ended(extract(someone(Happening("deaths", on(day)))), sb.death())


def crossover(row: Boundary, day: int, extract: Extract) -> bool:
    """Whether the other drug on that day ends it; who enters by it, or both, hasn't crossed."""
    first = sb.new_users(
        {"apixaban": sb.dispensing(DRUG), "warfarin": sb.dispensing(OTHER)},
        365,
        of=STROKE,
        same_day="first listed",
    )
    follow_up = sb.follow_up(max_days=30, crossover=True)
    cohort = sb.Study(first, ENTRY, follow_up=follow_up).collect(extract(someone(gets(OTHER, day))))
    return bool(cohort.frame["end_reason"][0] == "crossover")


def _ended(db: Database, event: Event) -> bool:
    cohort = sb.Study(ONE, ENTRY, follow_up=sb.follow_up(event, max_days=30)).collect(db, allow_empty=True)
    return len(cohort) == 0 or cohort.frame["end_reason"][0] != "max_days"


def max_days(row: Boundary, day: int, extract: Extract) -> bool:
    """An outcome on that day."""
    study = sb.Study(ONE, ENTRY, outcomes={"stroke": STROKE}, follow_up=sb.follow_up(max_days=1825))
    return bool(study.collect(extract(someone(ill("DI639", day)))).frame["stroke_event"][0])


def follow_up_time(row: Boundary, day: int, extract: Extract) -> bool:
    """Whether a death on that day is so many days of follow-up."""
    study = sb.Study(ONE, ENTRY, outcomes={"death": sb.death()}, follow_up=sb.follow_up(max_days=90))
    return int(study.collect(extract(someone(Happening("deaths", on(day))))).frame["death_time"][0]) == day


def screened(row: Boundary, day: int, extract: Extract) -> bool:
    """Whether high-dimensional covariates tell someone with a code on that day from someone without."""
    db = extract(someone(ill("DI489", day)), someone(number=2))
    cohort = sb.Study(ONE, ENTRY).collect(db)
    try:
        return len(sb.high_dimensional(cohort, db, "diagnoses", days=365, minimum=1).names) == 1
    except StudyError:
        return False


RULES = sb.Rules(sb.fixed_days(30), grace_days=10)


def _stroke(day: int, extract: Extract, follow_up: FollowUp, *life: Happening) -> bool:
    """Whether a stroke on that day counts."""
    study = sb.Study(NEW, ENTRY, outcomes={"stroke": STROKE}, follow_up=follow_up)
    found = study.collect(extract(someone(ill("DI639", day), *life)), allow_empty=True)
    return len(found) == 1 and bool(found.frame["stroke_event"][0])


def start_day(row: Boundary, day: int, extract: Extract) -> bool:
    """An outcome on that day, in follow-up from day 31 to day 60."""
    return _stroke(day, extract, sb.follow_up(max_days=60, start_day=30))


def start(row: Boundary, day: int, extract: Extract) -> bool:
    """An outcome on that day, with a first other medicine on day 20."""
    later = sb.follow_up(max_days=60, start=sb.dispensing("A10").after().first())
    return _stroke(day, extract, later, gets("A10BA02", 20))


def on_treatment(row: Boundary, day: int, extract: Extract) -> bool:
    """An outcome on that day, with 30 days of the drug."""
    return _stroke(day, extract, sb.follow_up(on_treatment=sb.on_treatment(RULES)))


def lag(row: Boundary, day: int, extract: Extract) -> bool:
    """The same, with ten days of lag."""
    return _stroke(day, extract, sb.follow_up(on_treatment=sb.on_treatment(RULES, lag_days=10)))


def switching(row: Boundary, day: int, extract: Extract) -> bool:
    """The same, with the other drug on day 12."""
    follow_up = sb.follow_up(on_treatment=sb.on_treatment(RULES, lag_days=10))
    return _stroke(day, extract, follow_up, gets(OTHER, 12))


def _state(day: int, extract: Extract, **days: int) -> str:
    """What someone is on that day who gets a statin for 30 days on day 10."""
    statin = sb.exposure(sb.dispensing("C10AA"), RULES, **days)
    study = sb.Study(ONE, ENTRY, exposures={"statin": statin}, follow_up=sb.follow_up(max_days=90))
    found = study.collect(extract(someone(gets("C10AA01", 10)))).exposures["statin"].to_pylist()
    return next(one["state"] for one in found if one["start_day"] < day <= one["stop_day"])


def current(row: Boundary, day: int, extract: Extract) -> bool:
    """Whether they are a current user."""
    return _state(day, extract) == "current"


def recent(row: Boundary, day: int, extract: Extract) -> bool:
    """Whether they are a recent one."""
    return _state(day, extract, lag_days=5, recent_days=20) == "recent"


def _band(day: int, extract: Extract, band: str, born: date = date(1950, 1, 1), **cuts: list[int]) -> str:
    """The band of that day's piece of a year's follow-up."""
    study = sb.Study(ONE, ENTRY, covariates={"age": sb.age()}, follow_up=sb.follow_up(max_days=365))
    split = study.collect(extract(someone(born=born))).split(**cuts).frame
    return str(split.loc[(split["start_day"] < day) & (day <= split["stop_day"]), band].item())


def split_age(row: Boundary, day: int, extract: Extract) -> bool:
    """Someone who turns 50 on day 20."""
    return _band(day, extract, "age_band", on(20).replace(year=on(20).year - 50), age=[50]) == "50+"


def split_calendar(row: Boundary, day: int, extract: Extract) -> bool:
    """A year that begins on day 214."""
    return _band(day, extract, "calendar_band", calendar=[2013]) == "2013+"


def split_since_entry(row: Boundary, day: int, extract: Extract) -> bool:
    """The first 30 days."""
    return _band(day, extract, "since_entry_band", since_entry=[30]) == "1-30"
