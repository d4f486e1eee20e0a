"""The checklist of a study, as a table that the disclosure check knows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sundbench.cohort.database import Database
from sundbench.cohort.language import Language, said
from sundbench.cohort.record_pe.answers import Known, answers
from sundbench.cohort.record_pe.design import chosen
from sundbench.cohort.record_pe.held import held
from sundbench.cohort.record_pe.items import items
from sundbench.cohort.study import Study
from sundbench.errors import StudyError

LONGEST = 4000
"""Letters of an answer. A longer one is cut, and says so."""


def checklist(
    study: Study, db: Database, *, designs: Sequence[str] | None = None, exposures: Sequence[str] = ()
) -> pd.DataFrame:
    """Answer the items of RECORD-PE that a protocol answers.

    Example:
        >>> record_pe.checklist(study, db, designs=["new-user cohort study", "self-controlled case series"])

    Args:
        study: the protocol.
        db: the extract; its registers and their coverage are told, nothing of their rows is read.
        designs: of the analysis, among ``record_pe.design.DESIGNS``; by default the population's own.
        exposures: those of the study's outcomes that are exposures (days of dispensing in a self-controlled
            design).

    Returns:
        Columns item (its number), da and en; one row an item with an answer, in the checklist's order.

    Raises:
        StudyError: no study, an unknown design or exposure, or what the extract can't give.
    """
    if not isinstance(study, Study):
        raise StudyError(f"checklist: {type(study).__name__} is no study: give a sb.Study")
    unknown = [name for name in exposures if name not in study.endpoints]
    if unknown:
        raise StudyError(f"checklist: exposures: the study has no outcome {unknown[0]}")
    known = Known(study, held(study, db), chosen(designs, study.population), tuple(exposures))
    danish, english = answers(known, "da"), answers(known, "en")
    rows = [
        (number, _bounded(danish[number], "da"), _bounded(english[number], "en"))
        for number in items()
        if number in english
    ]
    return pd.DataFrame(rows, columns=["item", "da", "en"])


def _bounded(text: str, language: Language) -> str:
    if len(text) <= LONGEST:
        return text
    rest = said(
        language,
        " … (cut: the whole protocol is printed by the study's notebook)",
        " … (afkortet: hele protokollen skrives af studiets notebook)",
    )
    return text[: LONGEST - len(rest)].rsplit(" ", 1)[0] + rest
