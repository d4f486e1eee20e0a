"""A notebook's kernel in a sandbox: what runs use. Servers get theirs from a broker."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from sundbench.errors import ReleaseError
from sundbench.release.connection import Connection
from sundbench.sandbox.launch import start
from sundbench.sandbox.policy import Policy
from sundbench.sandbox.sandboxed import Sandboxed

WORK, DATA, STUDY, OUTBOX = Path("/work"), Path("/data"), Path("/study"), Path("/outbox")
"""Where a run's sandbox has its scratch, its extract, its study's folder and its outbox."""


@dataclass(frozen=True)
class Sandbox:
    """Where a notebook is to be executed.

    Attributes:
        policy: what its kernel may see and use.
        mounts: the folders that the policy names, but for sockets, scratch and outbox, which are made anew.
        outbox: where the outputs go in the end.
        environment: variables beside those that every run has.
        listener: a socket that its kernel is handed, by its descriptor.
        extension: of IPython, loaded when the kernel starts.
        started: told of the sandbox when the kernel is in it.
    """

    policy: Policy
    mounts: Mapping[str, Path]
    outbox: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    listener: int | None = None
    extension: str | None = None
    started: Callable[[Sandboxed], None] = lambda _: None


class SandboxProvisioner(KernelProvisionerBase):
    """Runs one kernel in a sandbox; for a `KernelManager` with ``transport="ipc"``."""

    sandboxed: Sandboxed | None = None
    _started = False

    def prepare(self, sandbox: Sandbox, scratch: Path) -> None:
        """Make the kernel's folders.

        Args:
            sandbox: where it runs.
            scratch: a folder with a short path; the kernel's folders are made in it.
        """
        self._sandbox = sandbox
        self._folders = {name: scratch / name for name in ("sockets", "scratch", "outbox")}
        for folder in self._folders.values():
            folder.mkdir(mode=0o755)

    def collect(self) -> None:
        """Copy the outputs to where they go.

        Raises:
            ReleaseError: there is something else than plain files, such as a link to what the notebook may
                not read and whoever opens it later may.
        """
        for left in self._folders["outbox"].iterdir():
            try:
                source = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                raise ReleaseError(_not_plain(left)) from error
            with os.fdopen(source, "rb") as content:
                if not stat.S_ISREG(os.fstat(source).st_mode):
                    raise ReleaseError(_not_plain(left))
                with (self._sandbox.outbox / left.name).open("xb") as target:
                    shutil.copyfileobj(content, target)

    @property
    def has_process(self) -> bool:
        """A kernel was started, and nobody has waited for its end."""
        return self._started

    @property
    def ending(self) -> str:
        """Why the kernel ended, in words; empty while it runs."""
        return (self.sandboxed.ending or "") if self.sandboxed is not None else ""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - jupyter_client's
        """The command is the policy's business; of the rest, the environment alone is passed on."""
        return {"cmd": [], "env": kwargs["env"]}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ANN401
        """Start the kernel.

        Raises:
            SandboxError: its sandbox can't be made here.
        """
        connection = Connection.new("python3")
        sockets = self._folders["sockets"]
        file = connection.write(sockets)
        about = self._sandbox
        loaded = [f"--InteractiveShellApp.extra_extensions={about.extension}"] if about.extension else []
        self.sandboxed = start(
            about.policy,
            [sys.executable, "-m", "ipykernel_launcher", "-f", str(file), *loaded],
            mounts={**about.mounts, **self._folders},
            environment={**kwargs["env"], **about.environment},
            pass_fds=[] if about.listener is None else [about.listener],
            stdout=subprocess.DEVNULL,  # what a notebook says comes by its sockets
            name=f"kernel of {about.policy.name}",
        )
        about.started(self.sandboxed)
        self._started = True
        seen = connection.seen_from(sockets)
        self.connection_info = {**seen, "key": connection.key.encode()}  # type: ignore[typeddict-item]
        return self.connection_info

    async def poll(self) -> int | None:
        """None while the kernel runs, else its exit code."""
        return self.sandboxed.poll() if self.sandboxed is not None else 0

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.05)
        self._started = False
        return code

    async def send_signal(self, signum: int) -> None:
        """Send the kernel a signal."""
        if self.sandboxed is not None:
            self.sandboxed.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and all of its processes."""
        if self.sandboxed is not None:
            self.sandboxed.kill()

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end."""
        if self.sandboxed is not None:
            self.sandboxed.terminate()

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left: the folders belong to whoever made the scratch."""


def _not_plain(left: Path) -> str:
    return f"its outbox: {left.name} is no plain file: write outputs with sb.outputs() alone"
