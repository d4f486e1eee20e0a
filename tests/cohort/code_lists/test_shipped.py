"""The lists of codes that come with Sundbench."""

import pytest

import sundbench as sb
from sundbench.cohort.code_lists import shipped
from sundbench.cohort.code_lists.shipped import parse
from sundbench.errors import StudyError

WORDS = {"ICD": sb.diagnosis, "ATC": sb.dispensing}


@pytest.mark.parametrize("name", shipped())
def test_each_list_has_titles_and_a_source_and_makes_an_event(name):
    listed = sb.codes(name)
    assert listed.title("en")
    assert listed.title("da")
    assert listed.source
    assert WORDS[listed.system](listed).lists == (name,)


def test_a_list_tells_what_it_is():
    text = str(sb.codes("ischaemic_stroke"))
    assert text.startswith("ischaemic_stroke: Ischaemic stroke / Iskæmisk apopleksi")
    assert "(not verified)" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("codes = [", "list of codes mine: no TOML"),
        ('system = "ICD"\ncodes = ["DI48"]', "list of codes mine"),
        (
            'system = "ICF"\ncodes = ["DI48"]\ntitle = {da = "", en = ""}\nsources = [{title = "x"}]',
            "'ICF': choose among ICD, ATC, SKS, NPU",
        ),
        (
            'system = "ICD"\ncodes = ["I48"]\ntitle = {da = "", en = ""}\nsources = [{title = "x"}]',
            "list of codes mine: 'I48' is no ICD-10",
        ),
    ],
)
def test_a_list_that_is_none(text, message):
    with pytest.raises(StudyError, match="list of codes mine") as caught:
        parse(text, "mine")
    assert message in str(caught.value)
