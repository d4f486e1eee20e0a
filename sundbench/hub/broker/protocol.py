"""What a server may ask of its broker: one line of JSON each way, and nothing else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, TypeAdapter, ValidationError

from sundbench.errors import HubError

LONGEST = 4096
"""Bytes of the longest request; a longer one is refused unread."""

KernelId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f][0-9a-f-]{7,63}$")]
WorkspacePath = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
PolicyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Start(_Request):
    """Start a kernel; one that has ended is started again, on the same sockets and with the same key.

    Attributes:
        kernel: the kernel's id, chosen by the server.
        policy: the name of its policy.
    """

    do: Literal["start"] = "start"
    kernel: KernelId
    policy: PolicyName


class Signal(_Request):
    """Send a kernel a signal: interrupt (2), terminate (15) or kill (9)."""

    do: Literal["signal"] = "signal"
    kernel: KernelId
    signum: Literal[2, 15, 9]


class Poll(_Request):
    """Ask whether a kernel runs, and if not, why it ended."""

    do: Literal["poll"] = "poll"
    kernel: KernelId


class Stop(_Request):
    """End a kernel and forget it."""

    do: Literal["stop"] = "stop"
    kernel: KernelId


class List(_Request):
    """Ask which kernels there are."""

    do: Literal["list"] = "list"


class Save(_Request):
    """Say that the user changed files: their versions are kept.

    Attributes:
        paths: files or folders of the workspace, also such as are no longer there.
    """

    do: Literal["save"] = "save"
    paths: Annotated[tuple[WorkspacePath, ...], Strict(strict=False), Field(min_length=1, max_length=2)]


class Versions(_Request):
    """Ask for a file's versions."""

    do: Literal["versions"] = "versions"
    path: WorkspacePath


class Restore(_Request):
    """Have a file written as it was."""

    do: Literal["restore"] = "restore"
    path: WorkspacePath
    version: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]


AnyRequest = Start | Signal | Poll | Stop | List | Save | Versions | Restore
_REQUEST: TypeAdapter[AnyRequest] = TypeAdapter(Annotated[AnyRequest, Field(discriminator="do")])


def parse(line: bytes) -> AnyRequest:
    """Read a request.

    Raises:
        HubError: it is none; the message does not repeat what was sent.
    """
    try:
        return _REQUEST.validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise HubError(f"not a request that a broker takes ({first['type']})") from error
