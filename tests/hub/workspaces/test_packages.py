"""The curated environment, read on the disk."""

from pathlib import Path

from sundbench.hub.workspaces.packages import Package, normal, packages


def test_python_and_r(tmp_path: Path) -> None:
    (tmp_path / "arrow").mkdir()
    (tmp_path / "arrow" / "DESCRIPTION").write_text("Package: arrow\nTitle: Arrow\nVersion: 21.0.0\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "DESCRIPTION").write_text("nothing")
    found = packages((tmp_path, tmp_path / "absent"))
    assert [one for one in found if one.language == "R"] == [Package("R", "arrow", "21.0.0")]
    assert "polars" in {one.name for one in found if one.language == "Python"}


def test_names_are_compared_as_python_does() -> None:
    assert normal("Scikit_Learn") == normal("scikit-learn")
