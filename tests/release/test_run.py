"""Runs in a kernel of their own: what is kept, what is refused, what fails, what is the same again."""

import errno
from pathlib import Path

import polars as pl
import pytest
from papermill.exceptions import PapermillExecutionError

from sundbench.errors import PermitError, ReleaseError, StudyError
from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.release import manifest as manifests
from sundbench.release.extracts import find_extract
from sundbench.release.kernel import _failure
from sundbench.release.reproduce import compare, reproduce
from sundbench.release.run import failed, folder_of, runs, start
from sundbench.release.study import StudyFolder
from sundbench.site import Site
from tests.release.conftest import describe_extract
from tests.release.projects import permit_text


def test_a_run_is_kept_signed_and_gives_the_same_bytes_again(
    site: Site, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDBENCH_DATABASE", "postgresql://secret")
    monkeypatch.setenv("SUNDBENCH_VAULT_KEY_FILE", "/secret")
    told: list[tuple[str, int, int]] = []
    made = start(
        site,
        study,
        permit="lung-cancer",
        user="anna",
        given={"women": "22"},
        report=lambda *what: told.append(what),
    )
    folder = folder_of(site, made.run)
    assert manifests.read(site, folder) == made
    assert made.parameters == {"women": 22, "since": "2018-06-01"}
    assert pl.read_parquet(folder / "outbox" / "sex.parquet")["persons"].to_list() == [10, 22]
    assert told[-1] == ("cells", 5, 5)
    assert (folder / "notebook.ipynb").is_file()
    assert sorted(path.name for path in site.runs.iterdir()) == [made.run]
    # Nothing of the process around it was to be seen in the kernel.
    seen = {
        name for name in (folder / "notebook.ipynb").read_text().split("'") if name.startswith("SUNDBENCH_")
    }
    given = {"SUNDBENCH_EXTRACT", "SUNDBENCH_OUTBOX", "SUNDBENCH_SEED"}
    assert seen == given | {"SUNDBENCH_KERNEL", "SUNDBENCH_MEMORY", "SUNDBENCH_CORES"}

    again = reproduce(site, made.run, lambda _: study)
    assert (again.compared, again.differences, again.surroundings) == (1, [], [])

    study.notebook.write_text(study.notebook.read_text().replace("[10, women]", "[10, women + 3]"))
    again = reproduce(site, made.run, lambda _: study)
    assert again.surroundings == ["the study's analysis.ipynb is not as it was"]
    assert "sex.parquet: column persons differs in 1 of 2 rows, at most by 3" in again.differences


def test_a_failed_run_is_kept_apart_without_outputs(site: Site, study: StudyFolder) -> None:
    with pytest.raises(
        ReleaseError, match=r"cell 5 \(print\(seen\)\): arm new has nobody: widen the period$"
    ):
        start(site, study, permit="lung-cancer", user="anna", given={"women": "13"})
    assert runs(site) == []
    (run,) = failed(site)
    assert sorted(path.name for path in (site.runs / "failed" / run).iterdir()) == [
        "error.txt",
        "notebook.ipynb",
    ]
    with pytest.raises(ReleaseError, match="failed"):
        folder_of(site, run)


def test_what_is_no_message_to_the_user_keeps_its_type() -> None:
    cell = {
        "cell_index": 2,
        "exec_count": 2,
        "source": "\n1 / 0",
        "ename": "ZeroDivisionError",
        "traceback": [],
    }
    assert _failure(PapermillExecutionError(**cell, evalue="division\nby zero")) == (
        "cell 3 (1 / 0): ZeroDivisionError: division by zero"
    )


def test_nothing_runs_that_is_not_allowed(site: Site, study: StudyFolder) -> None:
    with pytest.raises(StudyError, match="parameter women: 5000 is outside its domain: 0 to 1000"):
        start(site, study, permit="lung-cancer", user="anna", given={"women": "5000"})
    with pytest.raises(PermitError, match="eve is neither researcher nor analyst"):
        start(site, study, permit="lung-cancer", user="eve")
    with pytest.raises(PermitError, match="unknown permit"):
        start(site, study, permit="heart", user="anna")
    with pytest.raises(ReleaseError, match="no extract of freeze 2030a here: there are extracts of 2026a"):
        start(site, study, permit="lung-cancer", user="anna", freeze="2030a")
    with database.writing(site) as session:
        permits.close(session, "lung-cancer", "done", "steward")
    with pytest.raises(PermitError, match="closed"):
        start(site, study, permit="lung-cancer", user="anna")
    assert not site.runs.exists()


def test_a_study_needs_what_its_permit_allows(site: Site, study: StudyFolder) -> None:
    path = study.folder / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('bef = ["koen"]', 'bef = ["koen", "kom"]'))
    with pytest.raises(PermitError, match=r"needs bef\.kom"):
        start(site, StudyFolder(study.folder), permit="lung-cancer", user="anna")


def test_an_extract_from_before_an_amendment_is_not_run_on(site: Site, study: StudyFolder) -> None:
    amended = permit_text("lung-cancer").replace('purpose = "', 'purpose = "now narrower: ')
    with database.writing(site) as session:
        permits.register(session, parse(amended, "permit"), amended, "steward")
    with pytest.raises(PermitError, match="was amended after its extract of freeze 2026a was made"):
        start(site, study, permit="lung-cancer", user="anna")
    assert not runs(site)


def test_the_newest_extract_is_taken(site: Site) -> None:
    later = site.extracts / "lung-cancer" / "2026b"
    later.mkdir()
    (later / "extract.json").write_text(describe_extract("2026b", "e", "p"))
    assert find_extract(site, "lung-cancer", None).freeze == "2026b"
    assert find_extract(site, "lung-cancer", "2026a").freeze == "2026a"


def test_a_run_is_not_reproduced_on_another_extract(site: Site, study: StudyFolder, kept) -> None:
    run = kept()
    path = site.extracts / "lung-cancer" / "2026a" / "extract.json"
    path.write_text(describe_extract("2026a", "another", "p"))
    with pytest.raises(ReleaseError, match="is another than it ran on"):
        reproduce(site, run, lambda _: study)


def test_what_differs_between_two_outboxes(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, values in ((before, [1.0, 2.0, None]), (after, [1.0, 2.5, None])):
        folder.mkdir()
        pl.DataFrame({"x": values}).write_parquet(folder / "a.parquet")
        (folder / "same.json").write_text("{}")
    (before / "gone.svg").write_text("x")
    (after / "new.svg").write_text("x")
    assert compare(before, after) == [
        "a.parquet: column x differs in 1 of 3 rows, at most by 0.5",
        "gone.svg was written then, and is not now",
        "new.svg was not written then, and is now",
    ]


def test_a_full_disk_leaves_no_half_run(
    site: Site, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sundbench.release.run.execute", full)
    with pytest.raises(ReleaseError, match="the disk is full; nothing was kept: make room"):
        start(site, study, permit="lung-cancer", user="anna")
    assert list(site.runs.iterdir()) == []


def test_an_interrupted_run_leaves_nothing(
    site: Site, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sundbench.release.run.execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(site, study, permit="lung-cancer", user="anna")
    assert list(site.runs.iterdir()) == []
