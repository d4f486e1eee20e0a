"""Runs in their sandbox: what they can't reach, why they end, and what happens where there is no sandbox."""

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from sundbench.errors import ReleaseError, SandboxError
from sundbench.release import run as runs
from sundbench.release.run import Extract, perform
from sundbench.release.study import StudyFolder
from sundbench.sandbox.policy import read
from sundbench.sandbox.probe import Probe

Run = Callable[..., Path]


@pytest.fixture
def run(study: StudyFolder, tmp_path: Path) -> Run:
    """Run one cell over an extract, and give the run's folder."""
    folder = tmp_path / "extract"
    folder.mkdir()
    (folder / "extract.json").write_text("{}")

    def performed(source: str, *, synthetic: bool = False) -> Path:
        cell = nbformat.v4.new_code_cell(source)
        study.notebook.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])), encoding="utf-8")
        extract = Extract(folder=folder, freeze="2026a", digest="d", permit_digest="p", synthetic=synthetic)
        perform(study, tmp_path / "run", extract=extract, parameters={}, seed=1)
        return tmp_path / "run"

    return performed


@pytest.fixture
def _no_sandboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "probe", lambda: Probe(works=False, version=None, why="no bubblewrap"))


@pytest.mark.usefixtures("sandboxes")
def test_a_run_sees_its_study_and_its_extract_and_little_else(run: Run, study: StudyFolder) -> None:
    made = run(
        "import json, os, socket\n"
        "json.dump({'here': sorted(os.listdir('.')), 'data': os.listdir(os.environ['SUNDBENCH_EXTRACT']),\n"
        "    'devices': [name for _, name in socket.if_nameindex()],\n"
        "    'study': os.access('.', os.W_OK), 'outside': os.path.exists('/home')},\n"
        "    open(os.environ['SUNDBENCH_OUTBOX'] + '/seen.json', 'w'))"
    )
    assert json.loads((made / "outbox" / "seen.json").read_text()) == {
        "here": ["analysis.ipynb", "study.toml"],
        "data": ["extract.json"],
        "devices": ["lo"],
        "study": False,
        "outside": False,
    }


@pytest.mark.usefixtures("sandboxes")
def test_a_link_in_the_outbox_is_refused_and_not_followed(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"x\.json is no plain file"):
        run("import os; os.symlink('/etc/shadow', os.environ['SUNDBENCH_OUTBOX'] + '/x.json')")
    assert list((tmp_path / "run" / "outbox").iterdir()) == []


@pytest.mark.usefixtures("sandboxes")
def test_a_run_out_of_memory_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(path: Path) -> object:
        policy = read(path)
        limits = policy.limits.model_copy(update={"memory": 256 << 20})
        return policy.model_copy(update={"limits": limits})

    monkeypatch.setattr(runs, "read_policy", small)
    with pytest.raises(ReleaseError, match="which died: out of memory"):
        run("hog = [bytearray(16 << 20) for _ in range(100)]")


@pytest.mark.usefixtures("_no_sandboxes")
def test_real_persons_need_a_sandbox(run: Run) -> None:
    with pytest.raises(SandboxError, match=r"over real persons needs a sandbox.*no bubblewrap"):
        run("1")


@pytest.mark.usefixtures("_no_sandboxes")
def test_invented_persons_can_do_without(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    made = run("import os; open(os.environ['SUNDBENCH_OUTBOX'] + '/x.json', 'w').close()", synthetic=True)
    assert (made / "outbox" / "x.json").is_file()
    assert "No sandbox here (no bubblewrap)" in caplog.text
