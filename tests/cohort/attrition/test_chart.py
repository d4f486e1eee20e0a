"""The flow chart of a cohort: exact inside, safe outside, in words, as a table and as a figure."""

import re
from datetime import date, timedelta

import matplotlib
import pytest
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort.attrition import flow_chart
from sundbench.disclosure.check import check
from sundbench.disclosure.profile import profile
from sundbench.errors import StudyError

INDEX = date(2012, 6, 1)
NAMES = ["any of the drugs", "adult", "resident", "followed"]
ARMS = ["apixaban", "warfarin"]


@pytest.fixture
def cohort(write_extract):
    """40 persons, of whom 6 are children and 2 not resident; every third gets warfarin."""

    def person(number):
        born = date(2000 if number < 6 else 1950, 1, 1)
        first = 2012 if number in (7, 8) else 2005
        snapshots = tuple((date(year, 12, 31), "Capital") for year in range(first, 2018))
        drug = "B01AA03" if number % 3 == 0 else "B01AF02"
        got = Happening("dispensings", INDEX + timedelta(days=number), drug)
        return Person(number + 1, born, "male", snapshots, (got,))

    db = sb.connect(write_extract(registers([person(n) for n in range(40)]), coverage=ALWAYS))
    drugs = {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}
    return sb.Study(
        sb.new_users(drugs, washout_days=365),
        ("2012-01-01", "2012-12-31"),
        require={"adult": sb.age() >= 18, "resident": sb.resident(days=180)},
    ).collect(db)


def test_inside_it_is_exact_outside_nobody_is_singled_out(cohort):
    assert cohort.attrition["persons"].to_list() == [40, 40, 40, 40, 34, 32]
    released = cohort.attrition_for_release()
    assert released["persons"].to_list() == [40, 40, 40, 40, 32]
    assert released["step"].iloc[-1] == "adult, resident"
    assert "apixaban" not in released  # 2 of warfarin's 14 are children: no way through by arm
    assert "Numbers by arm are left out" in cohort.flow_chart().note


def test_it_speaks_danish(cohort):
    chart = cohort.flow_chart("da")
    assert chart.table["step"].iloc[1] == "fra 1. januar 2012 til 31. december 2012"
    assert "intet er afrundet" in str(chart)
    assert "Antal for hver gruppe er udeladt" in chart._repr_html_()


def test_steps_tell_what_they_take_away_in_all_and_by_arm():
    counts = [(2000, 1200, 900), (1500, 900, 600), (1497, 898, 599), (1400, 850, 550)]
    chart = flow_chart(NAMES, counts, ARMS, "en")
    assert [step.criteria for step in chart.steps] == [(NAMES[0],), (NAMES[1],), (NAMES[2], NAMES[3])]
    assert [step.dropped for step in chart.steps] == [None, 500, 100]
    assert [step.by_arm for step in chart.steps] == [None, (900, 600), (850, 550)]
    assert [step.dropped_by_arm for step in chart.steps] == [None, None, (50, 50)]
    assert chart.table["warfarin"].isna().to_list() == [True, False, False]


def test_one_arm_has_no_numbers_of_its_own():
    chart = flow_chart(NAMES[:2], [(100, 100), (50, 50)], ["statin"], "en")
    assert list(chart.table.columns) == ["step", "persons"]
    assert chart.arms == ()


@pytest.mark.parametrize(
    ("counts", "least", "message"),
    [
        ([(100, 60, 40), (3, 3, 0)], 5, "fewer than 5 persons are left at the end: nothing of it may"),
        ([(100, 60, 40), (50, 30, 20)], 0, "least=0: give a whole number, 1 or more"),
    ],
)
def test_what_may_not_be_shown(counts, least, message):
    with pytest.raises(StudyError, match=message):
        flow_chart(NAMES[:2], counts, ARMS, "en", least)


def test_the_outbox_takes_table_and_figure_and_the_check_passes_them(cohort, tmp_path):
    cohort.flow_chart().write(sb.outputs(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "flow_chart.json",
        "flow_chart.parquet",
        "flow_chart_figure.json",
        "flow_chart_figure.svg",
    ]
    found = check(tmp_path / "out", profile("default"))
    assert [one for one in found if one.blocks] == []


def test_the_exact_flow_chart_would_not_pass(cohort, tmp_path):
    exact = cohort.attrition[["step", "persons"]]
    sb.outputs(tmp_path / "out").counts("exact", exact, by=["step"], flow_chart=True)
    assert any(
        "differs from the step before by 2 persons" in one.line
        for one in check(tmp_path / "out", profile("default"))
    )


@pytest.mark.parametrize("language", ["en", "da"])
@pytest.mark.parametrize("arms", [1, 2, 4])
def test_the_figure_shows_the_numbers_of_the_table_alone(language, arms):
    names = ["a condition that takes many words to say, as in protocols", *NAMES]
    by_arm = [[900 - 100 * step] * arms for step in range(5)]
    chart = flow_chart(
        names, [(sum(row), *row) for row in by_arm], [f"drug {n}" for n in range(arms)], language
    )
    figure = chart.figure()
    texts = " ".join(text.get_text() for text in figure.axes[0].texts)
    shown = {int(found.replace(",", "").replace(".", "")) for found in re.findall(r"n = ([\d.,]+)", texts)}
    left = {step.persons for step in chart.steps} | set(chart.steps[-1].by_arm or ())
    assert shown == left | {step.dropped for step in chart.steps[1:]}
    assert ("Ekskluderet" if language == "da" else "Excluded") in texts


def test_no_box_of_the_figure_lies_over_another():
    by_arm = [[900 - 100 * step] * 3 for step in range(5)]
    chart = flow_chart(
        ["x " * 60, *NAMES], [(sum(r), *r) for r in by_arm], [f"drug {n} " * 5 for n in "abc"], "en"
    )
    figure = chart.figure()
    boxes = [
        patch.get_bbox()
        for patch in figure.axes[0].patches
        if isinstance(patch, matplotlib.patches.Rectangle)
    ]
    for place, one in enumerate(boxes):
        assert one.x0 >= 0
        assert one.x1 <= figure.axes[0].get_xlim()[1]
        assert not any(one.overlaps(other) for other in boxes[:place])
