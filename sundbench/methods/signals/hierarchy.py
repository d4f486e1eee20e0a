"""Codes and the groups above them: ATC, ICD-10, or any tree.

ATC groups are a code's beginnings of 1, 3, 4 and 5 letters (WHO Collaborating Centre). ICD-10 groups are its
beginnings of 3 letters and more, and the chapter (WHO, ICD-10 volume 1), which is named by its roman number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sundbench.errors import MethodError

_ATC = (1, 3, 4, 5)
_CHAPTERS = (
    ("A00", "I"), ("C00", "II"), ("D50", "III"), ("E00", "IV"), ("F00", "V"), ("G00", "VI"), ("H00", "VII"),
    ("H60", "VIII"), ("I00", "IX"), ("J00", "X"), ("K00", "XI"), ("L00", "XII"), ("M00", "XIII"),
    ("N00", "XIV"), ("O00", "XV"), ("P00", "XVI"), ("Q00", "XVII"), ("R00", "XVIII"), ("S00", "XIX"),
    ("U00", "XXII"), ("V01", "XX"), ("Z00", "XXI"),
)  # fmt: skip
"""Where each starts."""


def ancestors(code: str, tree: str | Mapping[Any, Any]) -> list[str]:
    """The groups above a code, from the nearest to the farthest.

    Raises:
        MethodError: an unknown tree, a code that has no place in it, or a tree that runs in a circle.
    """
    if isinstance(tree, str):
        if tree == "atc":
            return [code[:length] for length in reversed(_ATC) if length < len(code)]
        if tree == "icd10":
            return _icd10(code)
        raise MethodError(
            f"tree {tree} is unknown: use atc, icd10, or a mapping from each node to the one above"
        )
    if not isinstance(tree, Mapping):
        raise MethodError("tree: use atc, icd10, or a mapping from each node to the one above")
    above: list[str] = []
    at: Any = code
    while at in tree and tree[at] is not None:
        at = tree[at]
        if str(at) in above or str(at) == code:
            raise MethodError(f"tree: {at} lies above itself: each node has one above, and the top none")
        above.append(str(at))
    return above


def _icd10(code: str) -> list[str]:
    plain = code.replace(".", "")
    # Danish codes carry a D before the letter of the chapter.
    danish = len(plain) > 2 and plain[0] == "D" and plain[1].isalpha()
    core = plain[1:] if danish else plain
    if len(core) < 3 or not (core[0].isalpha() and core[1].isdigit()):
        raise MethodError("tree icd10: some codes are shorter than a category of three letters, e.g. I48")
    prefix = "D" if danish else ""
    groups = [prefix + core[:length] for length in range(len(core) - 1, 2, -1)]
    first = core[:3].upper()
    chapter = [name for start, name in _CHAPTERS if start <= first][-1]
    return [*groups, f"chapter {chapter}"]


def paths(codes: Sequence[str], tree: str | Mapping[Any, Any]) -> list[list[str]]:
    """Each code with the groups above it."""
    return [[code, *ancestors(code, tree)] for code in codes]
