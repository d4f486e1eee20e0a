"""One kernel of a server: its folder of sockets, its key, and the sandbox that it runs in now."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from sundbench.hub.broker.offers import Offer
from sundbench.release.connection import Connection
from sundbench.sandbox.launch import start
from sundbench.sandbox.policy import Limits
from sundbench.sandbox.sandboxed import Sandboxed


class Kernel:
    """A kernel that may end and be started again on the same sockets, with the same key.

    Args:
        name: its id, as its server knows it.
        offer: what it is started from.
        limits: what it may use.
        sockets: the server's folder of kernels' folders.
    """

    def __init__(self, name: str, offer: Offer, limits: Limits, sockets: Path) -> None:
        self.name = name
        self.offer = offer
        self.limits = limits
        self.connection = Connection.new(offer.name)
        self.folder = sockets / secrets.token_hex(4)
        self.sandboxed: Sandboxed | None = None
        self.ended: float | None = None

    @property
    def running(self) -> bool:
        """It has been started and has not ended."""
        return self.sandboxed is not None and self.sandboxed.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended: the exit code, negative for a signal. None while it runs."""
        return None if self.sandboxed is None else self.sandboxed.poll()

    @property
    def ending(self) -> str:
        """Why it ended, in words; empty while it runs."""
        if self.sandboxed is None or self.running:
            return ""
        return self.sandboxed.ending or ""

    @property
    def held_by(self) -> str:
        """How firmly each of its limits holds, and by what, in words; empty before its first start."""
        return "" if self.sandboxed is None else str(self.sandboxed.enforcement)

    def start(self) -> None:
        """Start it, or start it again.

        Raises:
            SandboxError: its sandbox can't be made here.
        """
        self.clear()
        self.folder.mkdir(mode=0o700)
        # Below a folder that its owner alone may enter; bubblewrap itself must be able to.
        for mount in ("scratch", "outbox"):
            self.offer.mounts[mount].mkdir(mode=0o755, parents=True, exist_ok=True)
        self.connection.write(self.folder)
        self.ended = None
        self.sandboxed = start(
            self.offer.policy,
            self.offer.argv,
            mounts={**self.offer.mounts, "sockets": self.folder},
            environment={**self.offer.environment, "SUNDBENCH_KERNEL_ID": self.name},
            limits=self.limits,
            # What a kernel writes past Jupyter would end in the job's log, data of persons and all.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            name=f"kernel-{self.folder.name}",
        )

    def note_end(self) -> bool:
        """Whether it has ended since this was last asked."""
        if self.sandboxed is None or self.ended is not None or self.running:
            return False
        self.ended = time.monotonic()
        return True

    def signal(self, signum: int) -> None:
        """Send a signal to the kernel inside; 9 ends the whole sandbox. Nothing where it has ended."""
        if self.sandboxed is None or not self.running:
            return
        if signum == 9:
            self.sandboxed.kill()
        else:
            self.sandboxed.signal(signum)

    def stop(self) -> None:
        """End it and all of its processes, and remove its folder."""
        if self.sandboxed is not None and self.running:
            self.sandboxed.kill()
        self.clear()

    def clear(self) -> None:
        """Remove what a kernel left in its folder of sockets, and the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def describe(self) -> dict[str, Any]:
        """What a client needs to reach it: the name of its folder, and its connection."""
        return {"folder": self.folder.name, "connection": self.connection.seen_from(os.curdir)}
