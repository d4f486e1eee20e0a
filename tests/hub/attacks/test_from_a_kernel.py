"""A hostile researcher's code in a register kernel, beside everything that it would like to have."""

import socket
from functools import partial
from pathlib import Path

import pytest

from tests.hub.attacks.from_a_kernel import SECRET, Wanted, reaches_nothing
from tests.hub.broker.conftest import Served, assignment, served, start, started  # noqa: F401
from tests.hub.broker.conftest import run as run_in


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[3]


def test_everything_that_a_kernel_must_not_reach(
    served: Served,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("other-extract", "vault", "freeze", "hub"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as host, started(served, "synthetic-data"):
        (sibling,) = served.broker.kernels.values()
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t0ken")
        with started(served, "register-data") as (_, client):
            wanted = Wanted(
                addresses=[("127.0.0.1", host.getsockname()[1])],
                sockets=[str(served.socket)],
                files=[
                    *(str(tmp_path / name / "file") for name in ("other-extract", "vault", "freeze", "hub")),
                    str(sibling.folder / "connection.json"),
                ],
            )
            reaches_nothing(partial(run_in, client, timeout=300), wanted)
