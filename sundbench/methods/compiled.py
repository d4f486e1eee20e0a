"""Inner loops that run as machine code.

For the few loops over a million persons that no array operation expresses: each step depends on the one
before. Numba compiles them when they are first called (seconds) and keeps the result beside the module or,
where that may not be written, in the home folder's cache. No sum is reordered: the same data give the same
bits on the same kind of processor. Other threads go on while a loop runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def compiled(loop: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a loop over arrays and numbers; used as a decorator.

    The loop may call other compiled loops, and holds no Python object: Numba refuses it when it is first
    called, rather than run it slowly. Indices are not checked against the arrays' lengths: the caller does.
    """
    return cast("Callable[_Arguments, _Result]", numba.njit(cache=True, nogil=True)(loop))
