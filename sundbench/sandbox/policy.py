"""What a kind of sandbox may see and use: a policy, written in TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path, PurePosixPath
from typing import Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, field_validator, model_validator

from sundbench.errors import SandboxError, one_line


class Limits(BaseModel):
    """What a sandbox may use in all.

    Sizes are bytes, or text with a unit ("512 MiB", "4 GB").

    Attributes:
        memory: of all processes together. Control groups count /tmp and /dev/shm in.
        cores: processor cores' worth of time; 0.5 is half of one core.
        processes: processes and threads at once.
        cpu_seconds: processor time of all processes from start to end; None for no end.
        file_size: the largest single file.
        disk: what each writable folder that counts (``disk = true`` in the policy) may hold.
        tmp: size of /tmp, and of /dev/shm. They lie in memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: ByteSize = Field(ge=16 * 2**20)
    cores: float = Field(gt=0)
    processes: int = Field(ge=2)
    cpu_seconds: int | None = Field(default=None, ge=1)
    file_size: ByteSize = Field(ge=2**20)
    disk: ByteSize = Field(ge=2**20)
    tmp: ByteSize = Field(ge=2**20)


class Mount(BaseModel):
    """A folder of the host that a sandbox sees.

    Attributes:
        name: what the starter calls it: ``mounts={name: folder}``.
        at: where it lies in the sandbox.
        write: whether the sandbox may write there.
        optional: whether the sandbox may start without it.
        disk: whether the limit on disk holds for it; or a limit of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z_-]*$")
    at: str
    write: bool = False
    optional: bool = False
    disk: bool | ByteSize = False

    def most(self, limits: Limits) -> int | None:
        """Bytes on disk that it may hold; None where nothing limits them."""
        if isinstance(self.disk, bool):
            return int(limits.disk) if self.disk else None
        return int(self.disk)

    @field_validator("at")
    @classmethod
    def _is_a_plain_path(cls, at: str) -> str:
        if not at.startswith("/") or at == "/" or str(PurePosixPath(at)) != at or ".." in at.split("/"):
            raise ValueError("must be an absolute path, without .. and without / at its end")
        return at

    @model_validator(mode="after")
    def _counts_what_is_written(self) -> Self:
        if self.disk and not self.write:
            raise ValueError("disk needs write = true")
        return self


class Policy(BaseModel):
    """What a kind of sandbox may see and use.

    Attributes:
        name: of the kind of sandbox; also its host name.
        title: what it is for, in one line.
        network: whether it shares the host's network. Without, it has a loopback device of its own.
        cwd: working directory.
        home: value of HOME.
        mounts: folders that the starter gives.
        system: files and folders of the host, read-only where they exist, beside /usr and Python's own.
        environment: variables, beside the few that every sandbox has.
        limits: what it may use unless the starter gives other limits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    title: str
    network: bool = False
    cwd: str = "/tmp"  # noqa: S108 - the sandbox's own
    home: str = "/tmp"  # noqa: S108
    mounts: tuple[Mount, ...] = ()
    system: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    limits: Limits

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for what, values in (
            ("name", [m.name for m in self.mounts]),
            ("place", [m.at for m in self.mounts]),
        ):
            if twice := {v for v in values if values.count(v) > 1}:
                raise ValueError(f"two mounts have the same {what}: {', '.join(sorted(twice))}")
        places = [PurePosixPath(m.at) for m in self.mounts]
        if below := [p for p in places if any(p != other and p.is_relative_to(other) for other in places)]:
            raise ValueError(
                f"{below[0]} lies below another mount, where bubblewrap would have to make a folder"
            )
        return self


def read(path: Path) -> Policy:
    """Read a policy.

    Args:
        path: a ``policy.toml``, or the folder that holds it.

    Returns:
        The policy, checked.

    Raises:
        SandboxError: when the file is missing, is not TOML, or doesn't say what a policy must.
    """
    file = path / "policy.toml" if path.is_dir() else path
    try:
        return Policy.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SandboxError(f"{file}: can't read the policy: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SandboxError(f"{file}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise SandboxError(one_line(error, str(file))) from error
