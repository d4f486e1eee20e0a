"""Who enters a cohort, and on which day: each population's rule over one bucket's rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from sundbench.cohort.entering import new_users, onset, prevalent, residents
from sundbench.cohort.entering.entered import Counts, Entered, count, names_of, nth_day, rows_of
from sundbench.cohort.language import Language
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.populations.new_users import NewUsers
from sundbench.cohort.populations.onset import Onset
from sundbench.cohort.populations.population import Population
from sundbench.cohort.populations.prevalent import PrevalentNewUsers
from sundbench.cohort.populations.residents import Residents
from sundbench.cohort.populations.sets import AroundCases
from sundbench.cohort.study import Study

__all__ = ["Counts", "Entered", "count", "enter", "names_of", "nth_day", "rows_of", "step_names"]


def step_names(study: Study, language: Language = "en") -> tuple[str, ...]:
    """The steps of the population's rule, in words."""
    return study.population.steps((study.first_day, study.last_day), language)


def enter(
    study: Study,
    rows: Mapping[str, pl.DataFrame],
    bucket: Neighbours,
    population: Population | None = None,
) -> Entered:
    """Apply a population's rule.

    Args:
        study: the protocol.
        rows: of each view that the population reads, the rows of its events.
        bucket: the buckets that they are of.
        population: the study's if nothing is said.
    """
    entry = study.first_day, study.last_day
    match population if population is not None else study.population:
        case NewUsers() as asked:
            return new_users.enter(asked, entry, rows)
        case Onset() as asked:
            return onset.enter(asked, entry, rows)
        case Residents() as asked:
            return residents.enter(asked, bucket)
        case PrevalentNewUsers() as asked:
            return prevalent.enter(asked, entry, rows)
        case AroundCases() as asked:
            return _cases(enter(study, rows, bucket, asked.cases))
        case asked:
            raise TypeError(f"no rule for {type(asked).__name__}")


def _cases(entered: Entered) -> Entered:
    """Who entered as cases: the arm of those who are to be found for them comes first."""
    frame = entered.frame.with_columns(pl.col("drug") + 1)
    return Entered(frame, tuple((step[0], 0, *step[1:]) for step in entered.steps))
