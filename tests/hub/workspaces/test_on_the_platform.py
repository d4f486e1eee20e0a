"""Saving, restoring and the permit's end with the whole hub at work, nothing stood in for."""

import pytest

from sundbench.hub.workspaces.fate import ended
from sundbench.hub.workspaces.history import history
from tests.hub.installation import Platform, amend, close, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("sandboxes"),
]


def test_a_projects_notebooks_from_first_save_to_the_end(platform: Platform) -> None:
    project = "notebooks"
    amend(platform.site, project, ("anders:researcher",))
    anders = platform.visitor("anders")
    anders.start(project)
    kept = history(platform.site, project)
    welcome = anders.server("GET", project, "api/contents/members/anders/welcome.ipynb?content=0")
    assert welcome.ok, "a member finds a place with notebooks to begin with"

    for text in ("first", "second"):
        code = {"type": "file", "format": "text", "content": text}
        assert anders.server("PUT", project, "api/contents/shared/cohort.py", code).ok
        eventually(lambda wanted=text: kept.versions("shared/cohort.py") and wanted)
    found = eventually(
        lambda: (
            (listed := anders.server("GET", project, "sundbench/versions?path=shared/cohort.py").json())
            and len(listed["versions"]) == 2
            and listed["versions"]
        )
    )
    assert {one["by"] for one in found} == {"anders"}
    back = anders.server(
        "POST", project, "sundbench/versions", {"path": "shared/cohort.py", "version": found[1]["id"]}
    )
    assert back.ok, back.text
    read = anders.server("GET", project, "api/contents/shared/cohort.py").json()
    assert read["content"] == "first"
    code["content"] = "third"
    assert anders.server("PUT", project, "api/contents/shared/cohort.py", code).ok, "it is the member's still"

    scratch = platform.site.scratch / project
    assert scratch.exists()
    close(platform.site, project)
    eventually(lambda: ended(platform.site, project), 60)
    assert not scratch.exists()
    assert (platform.site.workspaces / project / "shared/cohort.py").read_text() == "third"
    assert kept.versions("shared/cohort.py")[0].by == "anders"
    assert platform.records(action="workspace.close", permit=project, actor="hub")
