"""Exposures as arrays, by person and by observation period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.inputs import Frame, column_names, frame
from sundbench.methods.self_controlled.cases import Cases
from sundbench.methods.self_controlled.days import Ints, whole_days


@dataclass(frozen=True)
class Exposures:
    """Exposures of the cases, in order of whose they are and start.

    Attributes:
        of: the person's place among the cases, or the observation period's.
        name: the exposure's, by row.
        start, end: its first and last day.
        dose: 1 for the first of that name, and so on.
        ended: whether the ends were given.
    """

    of: Ints
    name: np.ndarray
    start: Ints
    end: Ints
    dose: Ints
    ended: bool

    def of_periods(self, cases: Cases) -> Exposures:
        """A person's exposures for every observation period of that person."""
        heads = np.searchsorted(cases.person, self.of, "left")
        many = np.searchsorted(cases.person, self.of, "right") - heads
        row = np.repeat(np.arange(self.of.size), many)
        period = np.repeat(heads, many) + np.arange(row.size) - np.repeat(np.cumsum(many) - many, many)
        row = row[np.lexsort((row, period))]
        period = np.sort(period)
        return Exposures(period, self.name[row], self.start[row], self.end[row], self.dose[row], self.ended)


def read_exposures(data: Frame, people: pd.Index, *, dated: bool) -> Exposures:
    """Read exposures; those of persons without events are left out.

    Rows that say the same count once.

    Args:
        data: person, start and, where there are some, name, end and dose.
        people: the cases' persons.
        dated: whether the cases' days are dates.

    Raises:
        MethodError: missing values, an end before its start, or dates where the cases have ages.
    """
    there = column_names(data)
    optional = [name for name in ("name", "end", "dose") if name in there]
    chosen = frame(data, ["person", "start", *optional])
    start, start_dated = whole_days(chosen["start"], "exposures: start")
    end, end_dated = whole_days(chosen["end"], "exposures: end") if "end" in there else (start, start_dated)
    if not start_dated == end_dated == dated:
        raise MethodError("exposures: give days as dates where the cases do, and as numbers where they do")
    backwards = int((end < start).sum())
    if backwards:
        raise MethodError(f"exposures: {backwards} of {len(chosen)} end before they start: mend them")
    person = people.get_indexer(pd.Index(chosen["person"])).astype(np.int64)
    own = np.flatnonzero(person >= 0)
    if not own.size:
        raise MethodError("exposures: none is of a person among the cases: are persons coded alike in both?")
    if "name" in there:
        code, names = pd.factorize(chosen["name"].astype(str), sort=True)
    else:
        code, names = np.zeros(len(chosen), dtype=np.int64), pd.Index(["exposure"])
    dose = np.zeros(len(chosen), dtype=np.int64)
    if "dose" in there:
        dose, _ = whole_days(chosen["dose"], "exposures: dose")
        if (dose < 1).any():
            raise MethodError("exposures: dose: number doses from 1 on")
    keys = (person, start, end, code, dose)
    order = own[np.lexsort([key[own] for key in reversed(keys)])]
    again = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    order = order[np.append(True, ~again)]  # rows said twice count once
    whose, ended = person[order], "end" in there
    if "dose" in there:
        dose = dose[order]
    else:
        nth = pd.DataFrame({"person": whose, "name": code[order]}).groupby(["person", "name"], sort=False)
        dose = np.asarray(nth.cumcount(), dtype=np.int64) + 1
    name = names.to_numpy(dtype=object)[code[order]]
    return Exposures(whose, name, start[order], end[order], dose, ended)
