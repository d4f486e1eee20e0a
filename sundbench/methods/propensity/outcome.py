"""Outcome models for doubly robust and standardised effects: linear, or logistic for yes/no.

NumPy's least squares and statsmodels' logistic regression; imported when used.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, Frame
from sundbench.methods.propensity.design import design
from sundbench.methods.propensity.newton import probability, standardise


@dataclass(frozen=True)
class OutcomeModel:
    """A fitted outcome model.

    Attributes:
        expected: each person's expected outcome, as untreated and as treated.
        designs: persons by terms, with everybody untreated and with everybody treated.
        slopes: derivative of the expected outcomes by the linear predictor.
        information: of the coefficients, a person.
        score: each person's score, a row of the design as it was times the residual.
    """

    expected: tuple[Floats, Floats]
    designs: tuple[Floats, Floats]
    slopes: tuple[Floats, Floats]
    information: Floats
    score: Floats

    def influence(self, arm: int, weights: Floats) -> Floats:
        """Each person's influence, through the coefficients, on the mean of weights times ``expected``."""
        gradient = self.designs[arm].T @ (weights * self.slopes[arm]) / weights.size
        return np.asarray(self.score @ np.linalg.solve(self.information, gradient))


def outcome_model(
    data: Frame, y: Floats, arm: Bools, covariates: Sequence[str], interactions: Sequence[str] | None
) -> OutcomeModel:
    """Fit the outcome on treatment, covariates and their interactions.

    Args:
        data: a frame.
        y: outcomes; 0 and 1 alone are fitted by a logistic model, all else by a linear one.
        arm: who is treated.
        covariates: columns of the data.
        interactions: those whose coefficients differ between the arms; all if nothing is said.

    Raises:
        MethodError: an interaction that is no covariate, a term that an arm's persons don't determine, or
            covariates that separate those with the outcome from the others.
    """
    chosen = list(covariates) if interactions is None else list(interactions)
    strangers = [name for name in chosen if name not in covariates]
    if strangers:
        raise MethodError(f"interactions: {strangers[0]} is not among the covariates: name it there too")
    full = design(data, covariates)
    base = standardise(full.matrix)
    own = [0, *(i for i, term in enumerate(full.terms) if _of(term, chosen))]
    designs = tuple(np.hstack((base, a * base[:, own])) for a in (0.0, 1.0))
    observed = np.where(arm[:, None], designs[1], designs[0])
    names = [*full.terms, *(f"{full.terms[i]} among the treated" for i in own)]
    triangle, order = qr(observed, mode="r", pivoting=True, check_finite=False)
    size = np.abs(np.diag(triangle))
    if size.size < len(names) or size[-1] < 1e-9 * size[0]:
        raise MethodError(
            f"outcome model: the arms don't determine a coefficient each for {names[order[-1]]}: "
            "leave that covariate out, or name in interactions= only those that vary in both arms"
        )
    binary = bool(np.isin(y, (0.0, 1.0)).all())
    beta = _logistic(observed, y, arm) if binary else np.linalg.lstsq(observed, y, rcond=None)[0]
    linear = (designs[0] @ beta, designs[1] @ beta)
    expected = (probability(linear[0]), probability(linear[1])) if binary else linear
    slopes = tuple(m * (1 - m) if binary else np.ones_like(m) for m in expected)
    seen = np.where(arm, expected[1], expected[0])
    bent = np.where(arm, slopes[1], slopes[0])
    information = (observed * bent[:, None]).T @ observed / y.size
    return OutcomeModel(
        expected,
        (designs[0], designs[1]),
        (slopes[0], slopes[1]),
        information,
        observed * (y - seen)[:, None],
    )


def _of(term: str, covariates: Sequence[str]) -> bool:
    return any(term == name or term.startswith(f"{name}=") for name in covariates)


def _logistic(matrix: Floats, y: Floats, arm: Bools) -> Floats:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    for name, own in (("treated", arm), ("untreated", ~arm)):
        if y[own].min() == y[own].max():
            raise MethodError(
                f"all {name} have the outcome {y[own][0]:g}: a logistic outcome model has no finite "
                "coefficients; use augmented=False"
            )
    refusal = MethodError(
        "outcome model: the covariates separate those with the outcome from those without in one arm: leave "
        "out or merge levels, name fewer interactions=, or use augmented=False"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = GLM(y, matrix, family=Binomial()).fit(maxiter=60, tol=1e-12)
        except (PerfectSeparationError, np.linalg.LinAlgError) as error:
            raise refusal from error
    fitted = np.asarray(result.fittedvalues)
    extreme = fitted.min() < 1e-7 or fitted.max() > 1 - 1e-7
    beta = np.asarray(result.params)
    if not result.converged or (extreme and np.abs(beta).max() * np.abs(matrix).max() > 15):
        raise refusal
    return beta
