"""Features computed from whether each of several events happens within one window."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import polars as pl

from sundbench.cohort.events.event import Event
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.windows import Window


class Composite(Feature):
    """A feature of several events in one window, such as a score or a number of drug classes."""

    @property
    @abstractmethod
    def events(self) -> tuple[Event, ...]:
        """The events that it looks for, all of one view."""

    @property
    @abstractmethod
    def window(self) -> Window:
        """Where it looks for them."""

    @abstractmethod
    def value(self, happened: Sequence[pl.Expr]) -> pl.Expr:
        """Its value from whether each of the events happened, in their order."""

    @property
    @abstractmethod
    def event(self) -> Event:
        """Any of its events."""
