"""The tree-based scan statistic (Kulldorff, Fang and Walsh 2003; TreeScan).

Every node of a tree of codes is compared with what is expected of it; the p-value is that of the tree's
highest log likelihood ratio, so that it accounts for how many nodes are looked at. Written by hand: no Python
library has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.special import xlogy

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame, frame, numbers
from sundbench.methods.rates.counts import whole
from sundbench.methods.signals.hierarchy import paths

_MOST = 10**7
_CHUNK = 256
"""Random data sets that are drawn together."""


@dataclass(frozen=True)
class TreeScan:
    """A scan of a tree.

    Attributes:
        table: a row a node, the highest log likelihood ratio first: node, leaves, cases, expected, rr
            (observed over expected), llr, p_value.
        replicates: random data sets that the p-values rest on; none is below 1 / (replicates + 1).
        model, conditional: what was supposed without effect.
    """

    table: pd.DataFrame
    replicates: int
    model: str
    conditional: bool


@kinds_checked
def tree_scan(
    data: Frame,
    *,
    node: str,
    cases: str,
    tree: Literal["atc", "icd10"] | Mapping[Any, Any],
    expected: str | None = None,
    controls: str | None = None,
    probability: float | None = None,
    conditional: bool = True,
    min_cases: int = 2,
    replicates: int = 999,
    seed: int = 0,
) -> TreeScan:
    """Scan a tree of codes for nodes with more cases than expected.

    With ``expected`` the model is Poisson: cases against those expected, e.g. from person-time. With
    ``controls`` it is Bernoulli: each case or control is a case by one chance without effect.

    Args:
        data: a frame; rows of a code are added.
        node: the column of codes (leaves, or nodes further up).
        cases: the column with the number of cases.
        tree: ``atc``, ``icd10`` (with or without the Danish D), or a mapping from each node to the one above.
        expected: the column with the number expected.
        controls: the column with the number of controls.
        probability: that one of them is a case, in the unconditional Bernoulli model: 0.5 with one control a
            case.
        conditional: on the number of all cases: Poisson cases are shared out as expected, Bernoulli ones
            drawn from all. Else their number is random too.
        min_cases: nodes with fewer are not looked at.
        replicates: random data sets.
        seed: of the random numbers.

    Raises:
        MethodError: bad counts, codes outside the tree, no cases, or arguments that contradict each other.
    """
    if (expected is None) == (controls is None):
        raise MethodError("expected, controls: give one of them: a Poisson or a Bernoulli model")
    if not (replicates >= 1 and float(replicates).is_integer()) or replicates > _MOST:
        raise MethodError(f"replicates {replicates}: give a whole number from 1 to 10 million, e.g. 999")
    if not float(seed).is_integer() or seed < 0:
        raise MethodError(f"seed {seed}: give a whole number from 0")
    if controls is not None and not conditional and (probability is None or not 0 < probability < 1):
        raise MethodError("probability: the unconditional Bernoulli model needs one between 0 and 1")
    other = expected if expected is not None else str(controls)
    chosen = frame(data, [node, cases, other]).astype({node: str})
    chosen[cases] = whole(chosen[cases], cases)
    chosen[other] = numbers(chosen[other], other) if expected is not None else whole(chosen[other], other)
    if (chosen[other] < 0).any():
        raise MethodError(f"{other}: some values are negative: they must be 0 or more")
    leaves = chosen.groupby(node, sort=True).sum()
    seen, base = leaves[cases].to_numpy(dtype=np.float64), leaves[other].to_numpy(dtype=np.float64)
    if not seen.sum() > 0:
        raise MethodError(f"{cases}: no cases: there is nothing to scan")
    if expected is not None and ((base <= 0) & (seen > 0)).any():
        raise MethodError(f"{other}: codes with cases have 0 expected: every code with cases needs some")
    names, inside = _nodes(leaves.index.astype(str).tolist(), tree)
    model = (
        _Poisson(seen, base, conditional)
        if expected is not None
        else _Bernoulli(seen, base, conditional, probability)
    )
    node_cases, node_expected = inside @ seen, inside @ model.expected
    ratio = model.statistic(node_cases[:, None], inside, min_cases)[:, 0]
    highest = _simulated(model, inside, min_cases, replicates, seed)
    # A tie of simulated with observed maxima counts, up to rounding.
    at_least = replicates - np.searchsorted(np.sort(highest), ratio - 1e-9 * (1 + ratio), side="left")
    table = pd.DataFrame(
        {
            "node": names,
            "leaves": inside.sum(axis=1).astype(np.int64),
            "cases": node_cases.astype(np.int64),
            "expected": node_expected,
            "rr": np.divide(
                node_cases, node_expected, out=np.full(len(names), np.nan), where=node_expected > 0
            ),
            "llr": ratio,
            "p_value": (1 + at_least) / (replicates + 1),
        }
    ).sort_values(["llr", "node"], ascending=[False, True], ignore_index=True)
    return TreeScan(table, replicates, "poisson" if expected is not None else "bernoulli", conditional)


def _nodes(codes: list[str], tree: str | Mapping[Any, Any]) -> tuple[list[str], csr_array]:
    """All nodes, and which codes lie in each: a matrix of nodes by codes."""
    lines = paths(codes, tree)
    names = sorted({name for line in lines for name in line})
    place = {name: i for i, name in enumerate(names)}
    rows = np.array([place[name] for line in lines for name in line])
    columns = np.repeat(np.arange(len(codes)), [len(line) for line in lines])
    return names, csr_array((np.ones(rows.size), (rows, columns)), shape=(len(names), len(codes)))


def _simulated(
    model: _Poisson | _Bernoulli, inside: csr_array, min_cases: int, replicates: int, seed: int
) -> Floats:
    """The highest statistic of each random data set: one stream of random numbers a chunk."""
    streams = np.random.SeedSequence(int(seed)).spawn(-(-replicates // _CHUNK))
    highest = []
    for i, stream in enumerate(streams):
        size = min(_CHUNK, replicates - i * _CHUNK)
        drawn = model.draw(np.random.default_rng(stream), size)
        highest.append(model.statistic(np.asarray(inside @ drawn.T), inside, min_cases).max(axis=0))
    return np.concatenate(highest)


class _Poisson:
    """Cases against those expected."""

    def __init__(self, seen: Floats, base: Floats, conditional: bool) -> None:
        self.total = float(seen.sum())
        self.conditional = conditional
        self.expected = base * (self.total / base.sum()) if conditional else base

    def draw(self, random: np.random.Generator, size: int) -> Floats:
        if self.conditional:
            share = self.expected / self.expected.sum()
            return random.multinomial(int(self.total), share, size).astype(np.float64)
        return random.poisson(self.expected, (size, self.expected.size)).astype(np.float64)

    def statistic(self, cases: Floats, inside: csr_array, min_cases: int) -> Floats:
        due = np.asarray(inside @ self.expected)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = xlogy(cases, cases / due)
            if self.conditional:
                rest, left = self.total - cases, self.total - due
                ratio = ratio + np.where(rest > 0, xlogy(rest, rest / left), 0.0)
            else:
                ratio = ratio - (cases - due)
        return np.where((cases > due) & (cases >= min_cases) & np.isfinite(ratio), ratio, 0.0)


class _Bernoulli:
    """Cases among cases and controls."""

    def __init__(self, seen: Floats, controls: Floats, conditional: bool, probability: float | None) -> None:
        self.size = seen + controls
        self.total = float(seen.sum())
        self.conditional = conditional
        self.share = self.total / float(self.size.sum()) if conditional else float(probability or 0)
        self.expected = self.size * self.share

    def draw(self, random: np.random.Generator, size: int) -> Floats:
        if self.conditional:
            people = self.size.astype(np.int64)
            # "marginals" is exact for any sizes below a billion.
            drawn = random.multivariate_hypergeometric(people, int(self.total), size, method="marginals")
            return drawn.astype(np.float64)
        people = np.broadcast_to(self.size.astype(np.int64), (size, self.size.size))
        return random.binomial(people, self.share).astype(np.float64)

    def statistic(self, cases: Floats, inside: csr_array, min_cases: int) -> Floats:
        n = np.asarray(inside @ self.size)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = xlogy(cases, cases / n) + xlogy(n - cases, (n - cases) / n)
            if self.conditional:
                everybody = self.size.sum()
                rest, left = self.total - cases, everybody - n
                outside = xlogy(rest, rest / left) + xlogy(left - rest, (left - rest) / left)
                null = xlogy(self.total, self.share) + xlogy(everybody - self.total, 1 - self.share)
                ratio = ratio + np.where(left > 0, outside, 0.0) - null
            else:
                ratio = ratio - xlogy(cases, self.share) - xlogy(n - cases, 1 - self.share)
        more = (cases > n * self.share * (1 + 1e-12)) & (cases >= min_cases)
        return np.where(more & np.isfinite(ratio), ratio, 0.0)
