"""What a run's job has left in its folder, read through the gate: its account may put anything there."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path
from typing import Literal, TypeVar

from sundbench.errors import ReleaseError
from sundbench.release.cluster.letter import PROGRESS, RESULT, Progress, Result, Ticket
from sundbench.site import Site
from sundbench.slurm import gate
from sundbench.slurm.runs import ClearRun, ReadRun

_Said = TypeVar("_Said", Result, Progress)
_NOTEBOOK, _OUTBOX = "notebook.ipynb", "outbox"


def standing(site: Site, ticket: Ticket) -> tuple[Result | None, Progress | None]:
    """What a job has said of itself so far.

    Raises:
        ReleaseError: that is not what a job of ours says.
        ClusterError: it can't be read.
    """
    files = _read(site, ticket, "standing")
    return _said(files, RESULT, Result), _said(files, PROGRESS, Progress)


def outputs(site: Site, ticket: Ticket, aside: Path, *, whole: bool) -> None:
    """Copy a job's notebook and, if the whole run counts, its outputs.

    Args:
        site: the installation.
        ticket: the run's.
        aside: where they go: a folder with an empty outbox.
        whole: take the outputs as well.

    Raises:
        ReleaseError: there is something else than plain files, or no outbox.
        ClusterError: they can't be read.
    """
    found = _read(site, ticket, "outputs")
    if (notebook := found.pop(_NOTEBOOK, None)) is not None:
        (aside / _NOTEBOOK).write_bytes(notebook)
    if not whole:
        return
    if found.pop(_OUTBOX, b"") is not None:
        raise _stranger(_OUTBOX)
    for name, content in found.items():
        folder, _, file = name.partition("/")
        # Who has forged the tar could name a place of ours.
        if folder != _OUTBOX or "/" in file or file in {"", ".", ".."} or content is None:
            raise _stranger(name)
        (aside / _OUTBOX / file).write_bytes(content)


def last_words(site: Site, ticket: Ticket) -> str:
    """The last line that a job has said; empty where it has said none.

    Raises:
        ClusterError: they can't be read.
    """
    said = _ask(site, ticket, "words").decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in last)


def clear(site: Site, ticket: Ticket) -> None:
    """Remove a job's folder.

    Raises:
        ClusterError: it can't be removed.
    """
    gate.ask_for_run(site, ClearRun(permit=ticket.order.permit, run=ticket.order.run))


def _read(site: Site, ticket: Ticket, what: Literal["standing", "outputs"]) -> dict[str, bytes | None]:
    """Files by their place in the folder; folders are None.

    Raises:
        ReleaseError: there is something else.
    """
    found: dict[str, bytes | None] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_ask(site, ticket, what)), mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                name = member.name.removeprefix("./")
                if content is None and not member.isdir():
                    raise _stranger(name)
                found[name] = content.read() if content else None
    except tarfile.TarError as error:
        raise ReleaseError(f"its job's folder: {error}") from error
    return found


def _said(files: dict[str, bytes | None], name: str, kind: type[_Said]) -> _Said | None:
    if name not in files:
        return None
    if (content := files[name]) is None:
        raise _stranger(name)
    return kind.take(content, f"its job's folder: {name}")


def _stranger(name: str) -> ReleaseError:
    return ReleaseError(f"its job's folder: {name} is no plain file")


def _ask(site: Site, ticket: Ticket, what: Literal["standing", "outputs", "words"]) -> bytes:
    order = ticket.order
    return base64.b64decode(gate.ask_for_run(site, ReadRun(permit=order.permit, run=order.run, what=what)))
