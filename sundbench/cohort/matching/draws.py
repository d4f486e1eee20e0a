"""Draws that don't depend on order: each case sees all persons in a random order of its own.

The rank of a person for a case is a hash of the seed and both pseudonyms, so that a case's controls are those
of the smallest rank among the eligible: a simple random sample without replacement that no other case, bucket
or worker can change, and no person who is not eligible. The hash is the finaliser of SplitMix64 (Steele, Lea
and Flood, OOPSLA 2014, with Stafford's constants of "mix 13"), a bijection of 64 bits: no two persons have
the same rank for a case.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

RANK = ".rank"
"""The column of ranks while candidates are tried: no name that a protocol can give."""

GAMMA = np.uint64(0x9E3779B97F4A7C15)
LARGEST = np.uint64(2**64 - 1)

_STEPS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST = np.uint64(31)


def mixed(values: Hashes) -> Hashes:
    """SplitMix64's finaliser of each value."""
    found = values.copy()
    shifted = np.empty_like(found)
    for shift, factor in _STEPS:
        np.right_shift(found, shift, out=shifted)
        np.bitwise_xor(found, shifted, out=found)
        np.multiply(found, factor, out=found)
    np.right_shift(found, _LAST, out=shifted)
    np.bitwise_xor(found, shifted, out=found)
    return found


def of_cases(seed: int, persons: npt.NDArray[np.int32]) -> Hashes:
    """What a case brings to its ranks: ``mixed(mixed(seed + GAMMA) + person)``."""
    start = mixed(np.array([seed], dtype=np.uint64) + GAMMA)
    return mixed(start + persons.astype(np.uint64))


def of_persons(persons: npt.NDArray[np.int32]) -> Hashes:
    """What a person brings: ``mixed(person)``."""
    return mixed(persons.astype(np.uint64))


def ranks(case: Hashes, person: Hashes) -> Hashes:
    """The ranks of persons for cases (by the rules of broadcasting): ``mixed(case + person)``."""
    return mixed(case + person)


def limit(since: Hashes, wanted: npt.NDArray[np.float64], among: int) -> Hashes:
    """The rank below which so many of a number of persons are expected from a rank on."""
    share = np.minimum(wanted / max(among, 1), 1.0)
    # Whole shares would not fit: 2**64 is one more than the largest rank.
    width = (share * float(2**63)).astype(np.uint64) * np.uint64(2)
    return np.where((share >= 1.0) | (width > LARGEST - since), LARGEST, since + width)
