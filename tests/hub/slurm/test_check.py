"""What is missing for servers on a cluster is said before anything starts."""

from pathlib import Path

import pytest

from sundbench.hub.checks.cluster import cluster
from sundbench.hub.settings import Settings
from sundbench.hub.site_settings import SiteSettings
from sundbench.hub.slurm.settings import SlurmSettings
from sundbench.slurm.small.cluster import SmallSlurm
from tests.hub.installation import PERMITS, make_site


def settings(partition: str | None = None) -> Settings:
    return Settings(site=SiteSettings(profile="slurm"), slurm=SlurmSettings(partition=partition))


def test_projects_without_an_account_are_named(
    slurm: SmallSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    found = list(cluster(make_site(tmp_path), settings("batch")))
    assert {finding.level for finding in found} == {"warning"}
    said = " ".join(finding.what for finding in found)
    assert "server of lung-cancer" in said
    assert "old-study" in PERMITS
    assert "old-study" not in said, "it has expired"


def test_a_partition_that_slurm_doesn_t_have_is_an_error(
    slurm: SmallSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    found = [one for one in cluster(make_site(tmp_path), settings("nowhere")) if one.level == "error"]
    assert [(one.what, one.do) for one in found] == [
        ("Slurm has no partition nowhere", "set slurm.partition to one of batch")
    ]


def test_a_slurm_that_doesn_t_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "slurm.conf"
    broken.write_text("Nonsense=1\n")
    monkeypatch.setenv("SLURM_CONF", str(broken))
    found = [one for one in cluster(make_site(tmp_path), settings()) if one.level == "error"]
    assert len(found) == 1
    assert "sinfo" in found[0].what


def test_on_one_machine_nothing_is_asked_of_slurm(tmp_path: Path):
    assert list(cluster(make_site(tmp_path), Settings())) == []
