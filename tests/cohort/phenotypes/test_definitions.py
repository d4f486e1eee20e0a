"""Phenotypes as data: what comes with the library, users' own files, and messages about what is wrong."""

import importlib.resources
import pickle

import pytest

import sundbench as sb
from sundbench.cohort.phenotypes.definitions import NAMES, definition
from sundbench.errors import StudyError


def text(name):
    return (
        importlib.resources.files("sundbench.cohort.phenotypes")
        .joinpath(f"data/{name}.toml")
        .read_text("utf-8")
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_with_the_library(name):
    assert sb.phenotype(name) == sb.phenotype(name)
    assert sb.phenotype(name).rules.title.da
    assert pickle.loads(pickle.dumps(sb.phenotype(name))) == sb.phenotype(name)  # a cluster's workers get it
    assert "doi:" in text(name)  # says where it comes from


def test_a_file_of_ones_own(tmp_path):
    own = tmp_path / "strict.toml"
    own.write_text(text("hypertension_atc").replace("at_least = 2", "at_least = 3"), encoding="utf-8")
    assert sb.phenotype(own).rules.at_least == 3
    assert sb.phenotype(str(own)).name == "strict"
    assert sb.phenotype(own).digest != sb.phenotype("hypertension_atc").digest
    assert sb.phenotype(own).rules == definition("hypertension_atc", {"at_least": 3})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda _: sb.phenotype("asthma"), "no such phenotype: there are diabetes_osdc, hypertension_atc"),
        (lambda _: sb.phenotype("none.toml"), "the file can't be read"),
        (lambda own: own("kind = "), "phenotype("),
        (lambda own: own('kind = "asthma"'), "does not match any of the expected tags"),
        (lambda own: own(text("hypertension_atc") + "\nmore = 1"), "classes.more"),
        (lambda _: sb.phenotype("hypertension_atc", at_least=0), "at_least: Input should be greater than 0"),
        (lambda _: sb.phenotype("hypertension_atc", stable_from="2000-01-01"), "stable_from: Extra inputs"),
        (lambda _: sb.phenotype("diabetes_osdc", stable_from="soon"), "stable_from"),
        (lambda _: sb.phenotype("diabetes_osdc").classes(), "isn't told by classes of drugs: use at_index()"),
    ],
)
def test_what_makes_no_sense(tmp_path, build, message):
    def own(content):
        path = tmp_path / "own.toml"
        path.write_text(content, encoding="utf-8")
        return sb.phenotype(path)

    with pytest.raises(StudyError) as caught:
        build(own)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
