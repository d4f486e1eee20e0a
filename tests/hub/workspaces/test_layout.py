"""What a member finds in the project's workspace."""

from pathlib import Path

from sundbench.hub.workspaces.history import history
from sundbench.hub.workspaces.layout import prepare
from sundbench.registers.catalogue import Text
from sundbench.site import Site

TITLE = Text(da="Lungekræft", en="Lung cancer")


def files(workspace: Path) -> set[str]:
    return {str(file.relative_to(workspace)) for file in workspace.rglob("*") if file.is_file()}


def test_a_place_of_ones_own_with_welcome_notebooks_and_one_for_all(site: Site) -> None:
    workspace = prepare(site, "lung-cancer", TITLE, "anna")
    assert files(workspace) == {"README.md", "members/anna/velkommen.ipynb", "members/anna/welcome.ipynb"}
    assert (workspace / "shared").is_dir()
    text = (workspace / "README.md").read_text()
    assert "Lungekræft" in text
    assert "Lung cancer" in text
    assert history(site, "lung-cancer").versions("members/anna")[0].by == "sundbench"


def test_what_members_made_of_it_stays(site: Site) -> None:
    workspace = prepare(site, "lung-cancer", TITLE, "anna")
    (workspace / "README.md").write_text("ours")
    (workspace / "members/anna/welcome.ipynb").unlink()
    prepare(site, "lung-cancer", TITLE, "anna")
    prepare(site, "lung-cancer", TITLE, "mikkel")
    assert (workspace / "README.md").read_text() == "ours"
    assert not (workspace / "members/anna/welcome.ipynb").exists()
    assert (workspace / "members/mikkel/welcome.ipynb").exists()
