"""What the demo needs of each study fits the study, its report, the catalogue and what is planted."""

import io
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from sundbench.cli.walkthroughs import walkthrough, walkthroughs
from sundbench.errors import SundbenchError
from sundbench.governance.permit import check, parse
from sundbench.registers.catalogue import catalogue
from sundbench.registers.synthetic.run import synthesize
from sundbench.release.report import read
from sundbench.release.study import find

STUDIES = list(walkthroughs())
ESTIMATES = pd.DataFrame(
    {
        "outcome": ["bleeding", "bleeding", "stroke", "stroke"],
        "analysis": ["not adjusted", "intention to treat"] * 2,
        "hr": [1.04, 0.72, 1.5, 1.05],
        "lower": [0.9, 0.6, 1.3, 0.9],
        "upper": [1.2, 0.85, 1.8, float("nan")],
    }
)
TRUTH = {"comparisons": {"anticoagulants": {"hazard_ratios": {"bleeding": 0.7, "stroke": 1.0}}}}


def printed(**tables: pd.DataFrame) -> list[str]:
    """The lines of the table beside the truth, of a release with these outputs."""
    results = SimpleNamespace(names=list(tables), table=tables.__getitem__)
    console = Console(width=120, file=io.StringIO())
    with console.capture() as shown:
        console.print(walkthrough("anticoagulant_safety").beside_truth(results, TRUTH, {}))
    return shown.get().splitlines()


@pytest.mark.parametrize("study", STUDIES)
def test_the_permit_is_one_and_allows_what_the_study_reads(repository: Path, study: str) -> None:
    registers = find(repository / "analyses", study).about.permit.registers
    text = walkthrough(study).permit_text(registers, "anna", date(2028, 2, 29))
    permit = parse(text, study)
    check(permit, catalogue(), study)
    assert set(permit.registers) == set(registers)
    assert permit.expires == date(2029, 2, 28)


@pytest.mark.parametrize("study", STUDIES)
def test_there_is_a_report_of_the_same_name(repository: Path, study: str) -> None:
    assert read(repository / "reports" / study).study == study


def test_the_truth_stands_where_it_is_looked_for(tmp_path: Path) -> None:
    truth = synthesize(tmp_path / "few", persons=60, years=(2020, 2020), workers=1)
    paths = [line.truth for way in walkthroughs().values() for line in way.lines]
    planted = [path for path in paths if not path.startswith("oncology")]  # sixty persons hold no patients
    assert planted
    for path in planted:
        value = truth
        for key in path.split("."):
            value = value[key]
        assert value > 0, path


def test_each_estimate_stands_beside_its_truth() -> None:
    lines = printed(hazard_ratios=ESTIMATES)
    found = {
        what: next(line for line in lines if what in line) for what in ("bleeding, not", "bleeding, adj")
    }
    assert "1.04" in found["bleeding, not"]
    assert "outside" in found["bleeding, not"]
    assert "0.60 to 0.85" in found["bleeding, adj"]
    assert "within" in found["bleeding, adj"]


def test_a_missing_limit_is_no_bound() -> None:
    line = next(line for line in printed(hazard_ratios=ESTIMATES) if "stroke, adj" in line)
    assert "unbounded" in line
    assert "within" in line


def test_what_a_small_run_left_out_is_said() -> None:
    assert "too few events" in next(line for line in printed() if "bleeding, adj" in line)
    few = ESTIMATES[ESTIMATES["outcome"] == "bleeding"]
    assert "too few events" in next(line for line in printed(hazard_ratios=few) if "stroke, adj" in line)


def test_a_study_without_a_walkthrough_is_one_clear_line() -> None:
    with pytest.raises(SundbenchError, match="study genome has no walkthrough: choose one of drug_cost"):
        walkthrough("genome")
