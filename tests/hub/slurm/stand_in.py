"""Stands for Slurm, its queue and the gate: says what it is told to say."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from sundbench.errors import ClusterError
from sundbench.hub.slurm import server_job
from sundbench.hub.slurm import spawner as module
from sundbench.hub.slurm.spawner import ClusterSpawner
from sundbench.slurm import gate
from sundbench.slurm.jobs import State

NODE, ADDRESS = "n1", "10.1.2.3"


class Slurm:
    """Gate and queue.

    Attributes:
        says: of the job.
        first: said before that, each once.
        asked: what the gate was asked.
    """

    def __init__(self) -> None:
        self.says: State | ClusterError = State("PENDING", "Resources")
        self.first: list[State | ClusterError] = []
        self.asked: list[gate.Begin | gate.End] = []

    async def state(self, _job: int) -> State:
        said = self.first.pop(0) if self.first else self.says
        if isinstance(said, ClusterError):
            raise said
        return said

    async def address(self, node: str) -> str:
        return {NODE: ADDRESS}[node]

    def begun(self) -> None:
        pass

    def begin(self, _site: object, request: gate.Begin) -> gate.Begun:
        if isinstance(self.says, ClusterError):
            raise self.says
        self.asked.append(request)
        return gate.Begun(job=123, letter="0" * 16)

    def end(self, _site: object, request: gate.End) -> None:
        self.asked.append(request)
        self.says = State("CANCELLED")


def installed(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Let spawners ask a stand-in."""
    made = Slurm()
    monkeypatch.setattr(gate, "begin", made.begin)
    monkeypatch.setattr(module, "signed", lambda *_: {})
    monkeypatch.setattr(module, "read_away", lambda _: None)
    monkeypatch.setattr(gate, "end", made.end)
    monkeypatch.setattr(ClusterSpawner, "queue", made)
    for looks in (module, server_job):
        monkeypatch.setattr(looks, "_LOOK", 0.01)
    chosen = SimpleNamespace(
        hub=SimpleNamespace(start_timeout=1),
        slurm=SimpleNamespace(
            cores=1, memory=2**30, minutes=60, queue_minutes=1, partition="batch", charge=None
        ),
    )
    monkeypatch.setattr(ClusterSpawner, "_hub", SimpleNamespace(site=None, settings=chosen))
    letter = SimpleNamespace(model_dump_json=lambda: json.dumps({"token": "s3cret"}))
    monkeypatch.setattr(ClusterSpawner, "_letter", lambda *_: letter)
    return made


def a_spawner(**state: Any) -> ClusterSpawner:
    """The spawner of anna's server in lung-cancer."""
    orm = SimpleNamespace(name="lung-cancer", server=None, state={})
    spawner = ClusterSpawner(user=SimpleNamespace(name="anna"), orm_spawner=orm)
    if state:
        spawner.load_state(state)
    return spawner
