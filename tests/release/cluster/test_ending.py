"""What is read of runs that are under way, to end those that must."""

from pathlib import Path

from sundbench.release.cluster.ending import tickets
from sundbench.release.cluster.letter import under_way
from sundbench.site import Site


def test_tickets_that_can_t_be_read_are_named_and_keep_no_other_from_being_read(tmp_path: Path):
    site = Site(tmp_path, "sqlite://")
    (under_way(site) / "closed.json").mkdir(parents=True)
    (under_way(site) / "half.json").write_text("{")
    (under_way(site) / ".begun.json").write_text("")
    found = tickets(site)
    assert not found.by_job
    closed, half = sorted(found.damaged, key=lambda said: "half" in said)
    assert "closed.json" in closed
    assert "half.json" in half
