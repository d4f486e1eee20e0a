"""Typed parameters of a study: what may be given, and the one line that refuses what may not.

Papermill guesses types and enforces none, so types, domains and conversion are kept here, and a notebook
gets values that have passed them: dates as ISO text, everything else as its Python type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from sundbench.errors import StudyError
from sundbench.registers.catalogue import Text

Value = bool | int | float | str
"""What a notebook is given."""

ParameterType = Literal["integer", "number", "date", "text", "choice", "boolean"]

_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


class Parameter(BaseModel):
    """One parameter: its type, its default and its domain.

    Attributes:
        type: integer, number, date, text, choice or boolean.
        default: used when nothing is given; must be in the domain itself.
        label: what it is, in Danish and English.
        help: more about it, such as where the default comes from.
        unit: ``kr.``, ``years``, ``percent``, ...
        min, max: the bounds of an integer, number or date, inclusive.
        choices: the allowed texts of a choice.
        pattern: a regular expression that a text must match whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    type: ParameterType
    default: bool | int | float | date | str
    label: Text
    help: Text | None = None
    unit: str | None = None
    min: int | float | date | None = None
    max: int | float | date | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("choices"), list):
            return {**data, "choices": tuple(data["choices"])}
        return data

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        bounded = self.type in {"integer", "number", "date"}
        if not bounded and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max are for integers, numbers and dates, not for {self.type}")
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to a parameter of type choice, and it needs them")
        if self.pattern is not None and self.type != "text":
            raise ValueError("a pattern is for text")
        if isinstance(self.default, float) and not math.isfinite(self.default):
            raise ValueError("the default must be finite")
        try:
            self.convert(self.default, "default")
        except StudyError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def domain(self) -> str:
        """The domain, for people: ``0 to 100``, ``list or tender``, ``any``."""
        if self.choices:
            return " or ".join(self.choices)
        if self.pattern:
            return f"text like {self.pattern}"
        if self.type == "boolean":
            return "true or false"
        if self.min is not None and self.max is not None:
            return f"{self.min} to {self.max}"
        if self.min is not None:
            return f"from {self.min}"
        return "any" if self.max is None else f"up to {self.max}"

    def convert(self, given: object, name: str) -> Value:
        """Turn what was given into the value that the notebook gets.

        Args:
            given: a value of the type, or its text as typed on the command line.
            name: the parameter's name, for the message.

        Raises:
            StudyError: wrong type, or outside the domain.
        """
        value = self._typed(given, name)
        self._within(value, name)
        return value.isoformat() if isinstance(value, date) else value

    def _typed(self, given: object, name: str) -> bool | int | float | str | date:
        text = str(given).strip()
        if self.type == "boolean":
            if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
        elif self.type == "date":
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                try:
                    return date.fromisoformat(text)
                except ValueError:
                    pass
        elif self.type == "integer":
            if not isinstance(given, bool) and re.fullmatch(r"[+-]?\d{1,18}", text):
                return int(text)
        elif self.type == "number":
            if not isinstance(given, bool) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
                number = float(text)
                if math.isfinite(number):
                    return number
        elif isinstance(given, str):
            return given
        raise StudyError(f"parameter {name}: {text!r} is not {_SPELLED[self.type]}")

    def _within(self, value: bool | int | float | str | date, name: str) -> None:
        outside = StudyError(f"parameter {name}: {value} is outside its domain: {self.domain}")
        if self.choices and value not in self.choices:
            raise outside
        if self.pattern is not None and not re.fullmatch(self.pattern, str(value)):
            raise outside
        if isinstance(value, bool | str):
            return
        for bound, sign in ((self.min, 1), (self.max, -1)):
            if bound is None:
                continue
            if isinstance(value, date) != isinstance(bound, date):
                raise StudyError(f"parameter {name}: its bound {bound} is not {_SPELLED[self.type]}")
            # ISO dates and numbers both order as they should; the check above keeps them apart.
            below = value < bound if sign > 0 else value > bound  # type: ignore[operator]
            if below:
                raise outside


_SPELLED: Mapping[str, str] = {
    "integer": "a whole number (like 12)",
    "number": "a number (like 12.5, with a decimal point and no thousands separator)",
    "date": "a date (like 2018-06-01)",
    "text": "text",
    "choice": "text",
    "boolean": "true or false",
}


def bind(parameters: Mapping[str, Parameter], given: Mapping[str, object]) -> dict[str, Value]:
    """Give every parameter its value: what was given, else its default.

    Args:
        parameters: what the study takes.
        given: by name, values or their texts.

    Raises:
        StudyError: a parameter that the study does not take, of the wrong type, or outside its domain.
    """
    unknown = [name for name in given if name not in parameters]
    if unknown:
        takes = ", ".join(parameters) or "none"
        raise StudyError(f"parameter {unknown[0]}: the study has no such parameter; it takes {takes}")
    return {name: kind.convert(given.get(name, kind.default), name) for name, kind in parameters.items()}
