"""Refuse arguments of another kind than a method declares, by the types in its signature.

What a value may be within its kind (a level between 0 and 1, a known word) the methods say themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, wraps
from inspect import signature
from numbers import Real
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd

from sundbench.errors import MethodError

P = ParamSpec("P")
R = TypeVar("R")

_WORDS = {str: "a name", bool: "True or False", int: "a whole number", float: "a number", NoneType: "None"}


def kinds_checked(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method refuse arguments of the wrong kind in one line, before it computes anything.

    Names, numbers, choices, True and False, lists of names or numbers, and results of other methods are
    checked. Data (arrays and frames) are not: ``inputs`` reads these. A column's name may be a whole number,
    as in frames that were made from matrices.
    """
    names = list(signature(method).parameters)

    @cache
    def kinds() -> dict[str, tuple[Any, ...]]:
        return {name: _alternatives(hint) for name, hint in get_type_hints(method).items()}

    @wraps(method)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in {**dict(zip(names, args, strict=False)), **kwargs}.items():
            allowed = kinds().get(name, ())
            if all(map(_known, allowed)) and allowed and not _fits(value, allowed):
                raise MethodError(f"{name}: {_told(value)} is not {' or '.join(map(_wanted, allowed))}")
        return method(*args, **kwargs)

    return refusing


def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _many(kind: Any) -> bool:  # noqa: ANN401
    return get_origin(kind) in (Sequence, tuple)


def _known(kind: Any) -> bool:  # noqa: ANN401
    if _many(kind):
        return get_args(kind)[0] in (str, int, float)
    own = isinstance(kind, type) and kind.__module__.startswith("sundbench.")
    return kind in _WORDS or get_origin(kind) is Literal or own


def _fits(value: object, allowed: tuple[Any, ...]) -> bool:
    # Where a name or several may stand, a number would be read as several.
    if isinstance(value, int | np.integer) and any(map(_many, allowed)):
        allowed = tuple(kind for kind in allowed if kind is not str)
    return any(_is(value, kind) for kind in allowed)


def _is(value: Any, kind: Any) -> bool:  # noqa: ANN401
    if _many(kind):
        if isinstance(value, np.ndarray | pd.Index | pd.Series) and get_origin(kind) is Sequence:
            return value.ndim == 1 and all(_is(one, get_args(kind)[0]) for one in value)
        if isinstance(value, str):
            # A word in the place of several: the methods say what it may be.
            return get_args(kind)[0] is not float
        listed = isinstance(value, Sequence) and not isinstance(value, bytes)
        return listed and all(_is(one, get_args(kind)[0]) for one in value)
    if kind is str:
        return isinstance(value, str | int | np.integer) and not isinstance(value, bool)
    if kind in (int, float):
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    return isinstance(value, str) if get_origin(kind) is Literal else isinstance(value, kind)


def _wanted(kind: Any) -> str:  # noqa: ANN401
    if _many(kind):
        return "a list of names" if get_args(kind)[0] is str else "a list of numbers"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    return _WORDS.get(kind) or f"a {kind.__name__}"


def _told(value: object) -> str:
    """A value that was given; of what could hold data its type alone."""
    short = value is None or isinstance(value, bool | np.bool_ | Real)
    return str(value) if short else f"this {type(value).__name__}"
