"""Answers a server's requests: what is allowed, what is recorded, what is refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sundbench.errors import AuditError, HubError, SundbenchError
from sundbench.governance.audit.actions import Action
from sundbench.hub.broker.kernel import Kernel
from sundbench.hub.broker.offers import Offer
from sundbench.hub.broker.protocol import (
    List,
    Poll,
    Restore,
    Save,
    Signal,
    Start,
    Stop,
    Versions,
    parse,
)
from sundbench.hub.workspaces.keeper import Keeper
from sundbench.sandbox.pace import Pace
from sundbench.sandbox.policy import Limits

log = logging.getLogger(__name__)

FORGOTTEN_AFTER = 60.0
"""Seconds that an ended kernel may be started again, on its old sockets, before a new one takes its place."""


class Recorder(Protocol):
    """Whoever records; the audit's client does."""

    def record(self, action: str, object: str, /, **detail: object) -> int:  # noqa: A002 - the log's own word
        """Record what was done; an `AuditError` means that it must not be done."""


class Broker:
    """The kernels of one server.

    Args:
        offers: the kernels that the server may start, by name.
        limits: of each kernel.
        sockets: the folder that holds one folder a kernel.
        most: how many kernels may run at once.
        recorder: where starts, ends and refusals are recorded.
        keeper: keeps the versions of the workspace; None where none are kept.
    """

    def __init__(
        self,
        offers: Mapping[str, Offer],
        *,
        limits: Limits,
        sockets: Path,
        most: int,
        recorder: Recorder,
        keeper: Keeper | None = None,
    ) -> None:
        self.offers = offers
        self.limits = limits
        self.sockets = sockets
        self.most = most
        self.recorder = recorder
        self.keeper = keeper
        self.kernels: dict[str, Kernel] = {}
        self._refusals = Pace(20, 1)
        self._unrecorded = 0

    def answer(self, line: bytes) -> dict[str, Any]:
        """Answer one request.

        Returns:
            What was asked for, or ``error`` with a line that a user may read.
        """
        try:
            request = parse(line)
            match request:
                case Start():
                    return self.start(request)
                case Signal():
                    return self.signal(request)
                case Poll():
                    return self.poll(request)
                case Stop():
                    return self.stop(request)
                case List():
                    return {"kernels": [_state(kernel) for kernel in self.kernels.values()]}
                case Save() | Versions() | Restore():
                    return self.keep(request)
        except AuditError as error:
            return {"error": f"not done, since it can't be recorded: {error}"}
        except SundbenchError as error:
            self.refused(str(error))
            return {"error": str(error)}
        except OSError as error:  # a full disk, no descriptors left: the server must be told something
            log.exception("not done")
            return {"error": f"the broker can't do that now: {error.strerror}"}

    def start(self, request: Start) -> dict[str, Any]:
        """Start a kernel, or start an ended one again."""
        offer = self.offers.get(request.policy)
        if offer is None:
            there = ", ".join(self.offers) or "none: ask the steward for an extract"
            raise HubError(f"this project's server may not start kernels of this kind; it may start {there}")
        self.tidy()
        kernel = self.kernels.get(request.kernel)
        if kernel is not None and kernel.offer.name != offer.name:
            raise HubError("a kernel can't change its kind: start a new one")
        if kernel is not None and kernel.running:
            raise HubError("this kernel runs already")
        running = sum(kernel.running for kernel in self.kernels.values())
        if running >= self.most:
            raise HubError(
                f"{running} kernels run, and a project's server may have {self.most}: shut one down"
            )
        offer.require_data()
        action = Action.KERNEL_START if kernel is None else Action.KERNEL_RESTART
        self.recorder.record(action, request.kernel, kernel=offer.name, data=offer.digest)
        kernel = kernel or Kernel(request.kernel, offer, self.limits, self.sockets)
        try:
            kernel.start()
        except BaseException:
            kernel.stop()
            self.kernels.pop(request.kernel, None)
            self.record(Action.KERNEL_STOP, request.kernel, kernel=offer.name, ending="could not be started")
            raise
        self.kernels[request.kernel] = kernel
        log.info(
            "%s: %s started, %s; limits: %s", kernel.name, offer.name, kernel.folder.name, kernel.held_by
        )
        return kernel.describe()

    def signal(self, request: Signal) -> dict[str, Any]:
        """Send a kernel a signal."""
        kernel = self.find(request.kernel)
        if request.signum == 2 and kernel.running:
            self.record(Action.KERNEL_INTERRUPT, kernel.name, kernel=kernel.offer.name)
        kernel.signal(request.signum)
        return {}

    def poll(self, request: Poll) -> dict[str, Any]:
        """Say whether a kernel runs, and how it ended."""
        kernel = self.find(request.kernel)
        self.tidy()
        if kernel.running:
            return {"running": True}
        return {"running": False, "code": kernel.code, "ending": kernel.ending}

    def stop(self, request: Stop) -> dict[str, Any]:
        """End a kernel and forget it; one that is not known is no error."""
        kernel = self.kernels.pop(request.kernel, None)
        if kernel is not None:
            self.end(kernel)
        return {}

    def keep(self, request: Save | Versions | Restore) -> dict[str, Any]:
        """Keep versions, show them, have one back."""
        if self.keeper is None:
            raise HubError("no versions are kept here")
        match request:
            case Save():
                self.keeper.saved(request.paths)
            case Versions():
                return {"versions": self.keeper.versions(request.path)}
            case Restore():
                self.recorder.record(Action.CONTENTS_SAVE, request.path, version=request.version)
                self.keeper.restore(request.path, request.version)
        return {}

    def find(self, name: str) -> Kernel:
        """A kernel by its id."""
        if name not in self.kernels:
            raise HubError("this server has no such kernel: start a new one")
        return self.kernels[name]

    def tidy(self) -> None:
        """Record which kernels have ended, and forget those that nobody started again."""
        for kernel in list(self.kernels.values()):
            if kernel.note_end():
                log.info("%s: ended with %s: %s", kernel.name, kernel.code, kernel.ending)
                self.record(
                    Action.KERNEL_STOP, kernel.name, kernel=kernel.offer.name, ending=kernel.ending or "ended"
                )
            if kernel.ended is not None and time.monotonic() - kernel.ended > FORGOTTEN_AFTER:
                kernel.clear()
                del self.kernels[kernel.name]

    def end(self, kernel: Kernel) -> None:
        """End a kernel, and record it."""
        ending = kernel.ending or "ended" if not kernel.running else "stopped by its server"
        known = kernel.ended is not None
        kernel.stop()
        if not known:
            log.info("%s: %s", kernel.name, ending)
            self.record(Action.KERNEL_STOP, kernel.name, kernel=kernel.offer.name, ending=ending)

    def close(self) -> None:
        """End all kernels."""
        while self.kernels:
            self.end(self.kernels.popitem()[1])

    def refused(self, why: str) -> None:
        """Record a refusal, or of many that there were more. It stays a refusal where that fails."""
        if not self._refusals.take_if_there():
            self._unrecorded += 1
            return
        log.warning("refused: %s", why)
        before = {"and_before_it": self._unrecorded} if self._unrecorded else {}
        self._unrecorded = 0
        self.record(Action.KERNEL_REFUSED, "broker", why=why, **before)

    def record(self, action: Action, name: str, /, **detail: object) -> None:
        """Record what has happened already; a failure is logged, since nothing can be held back any more."""
        try:
            self.recorder.record(action, name, **detail)
        except AuditError:
            log.exception("%s of %s is not in the audit log", action, name)


def _state(kernel: Kernel) -> dict[str, Any]:
    return {"kernel": kernel.name, "policy": kernel.offer.name, "running": kernel.running}
