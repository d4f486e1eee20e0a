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
from sundbench.cohort.events import Event
from sundbench.cohort.features import Occurrences
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
