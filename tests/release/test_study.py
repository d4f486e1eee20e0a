"""Studies as folders."""

import pytest

from sundbench.errors import StudyError
from sundbench.release.study import StudyFolder, available, find


def test_a_study_is_found_by_name(study: StudyFolder) -> None:
    analyses = study.folder.parent
    assert available(analyses) == ["tiny"]
    assert find(analyses, "tiny").about.parameters["women"].domain == "0 to 1000"
    with pytest.raises(StudyError, match="there are: tiny"):
        find(analyses, "large")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('id = "tiny"', 'id = "other"', "its folder is tiny"),
        ('id = "tiny"', 'id = "list"', "its folder is tiny|word of"),
        ('type = "integer"', 'type = "whole"', "parameters.women.type"),
        ("default = 12", "default = 1200", "outside its domain"),
        ("[permit.registers]", "[permit.registers", "study.toml: "),
        ("max = 1000", "most = 1000", "parameters.women.most"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(study: StudyFolder, old: str, new: str, says: str) -> None:
    path = study.folder / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(StudyError, match=says) as refused:
        StudyFolder(study.folder)
    assert "\n" not in str(refused.value)
    assert "tiny/study.toml" in str(refused.value)


def test_digests_follow_the_files_but_not_what_comes_and_goes(study: StudyFolder) -> None:
    before = study.digests
    (study.folder / ".ipynb_checkpoints").mkdir()
    (study.folder / ".ipynb_checkpoints" / "x.ipynb").write_text("x")
    assert study.digests == before
    study.notebook.write_text(study.notebook.read_text() + "\n")
    assert study.digests != before
