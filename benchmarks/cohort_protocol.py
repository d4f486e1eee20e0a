"""The protocol of ``bench_cohort``. It stands alone, so that a run's study folder can have a copy of it."""

from __future__ import annotations

from collections.abc import Mapping

import sundbench as sb
from sundbench.cohort.features.feature import Feature

ENTRY = ("2006-01-01", "2016-12-31")
DRUGS = {"antivirals": "J05", "antimycotics": "J02"}
HEART = ("DI06", "DI13", "DI14", "DI15", "DI16")
HYPERTENSION = ("DI10", "DI11", "DI12")
DIABETES = ("DE10", "DE11", "DE12", "DE13", "DE14")
LUNGS = ("DJ01", "DJ05", "DJ06", "DJ16")
ULCER = ("DK01", "DK03", "DK08")


def study(more: Mapping[str, Feature] = {}) -> sb.Study:
    """The protocol.

    Args:
        more: covariates beside the ten.
    """
    return sb.Study(
        population=sb.new_users({name: sb.dispensing(atc) for name, atc in DRUGS.items()}, washout_days=365),
        entry=ENTRY,
        require={"heart disease": sb.diagnosis(HEART).before(years=10).any(), "adult": sb.age() >= 18},
        covariates={
            "age": sb.age(),
            "sex": sb.sex(),
            "lipid_lowering": sb.dispensing("C10").before(days=365).any(),
            "beta_blockers": sb.dispensing("C07").before(days=365).any(),
            "diuretics": sb.dispensing("C03").before(days=365).count(),
            "antidiabetics": sb.dispensing("A10").before(days=365).distinct(),
            "bone_days": sb.dispensing("M05").before(days=730).days_since(),
            "antithrombotic_packages": sb.dispensing("B01").before(days=365).sum("packages"),
            "hypertension": sb.diagnosis(HYPERTENSION).before(years=5).any(),
            "diabetes": sb.diagnosis(DIABETES).before(years=10).any(),
            **more,
        },
        outcomes={"lungs": sb.diagnosis(LUNGS, position="A"), "ulcer": sb.diagnosis(ULCER)},
        follow_up=sb.follow_up(until=[], max_days=1825),
    )
