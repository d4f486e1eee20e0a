"""Which kernels this server may start, and what it does with those it has."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.sessions.sessionmanager import SessionManager
from tornado.web import HTTPError
from traitlets import Int, Unicode, default

from sundbench.errors import HubError
from sundbench.governance.audit.actions import Action
from sundbench.hub.broker.offers import SYNTHETIC
from sundbench.hub.kernelspecs import PROVISIONER
from sundbench.hub.server.refusals import note

_MOST_MESSAGES = 100_000
_COMING_BACK = 5.0  # seconds; fewer than a server has to end
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ProjectKernelSpecs(KernelSpecManager):
    """The kernels of one folder, and of those the ones that the broker runs.

    Jupyter's own manager filters what it lists, but finds every kernel of the machine by its name; a
    kernelspec that names no provisioner would start a process in the server's own sandbox, beside its tokens.
    """

    folder = Unicode(help="One folder a kernel.").tag(config=True)
    ensure_native_kernel = False

    @default("kernel_dirs")
    def _only_one(self) -> list[str]:
        return [self.folder]

    def find_kernel_specs(self) -> dict[str, str]:
        """The kernels by name, each with its folder."""
        folder = Path(self.folder)
        names = sorted(path.parent.name for path in folder.glob("*/kernel.json"))
        return {name: str(folder / name) for name in names if self._of_the_broker(name)}

    def get_kernel_spec(self, kernel_name: str) -> Any:  # noqa: ANN401 - jupyter_client's
        """The kernel of that name.

        Raises:
            NoSuchKernel: there is none that this server may start.
        """
        folder = self.find_kernel_specs().get(kernel_name)
        if folder is None:
            raise NoSuchKernel(kernel_name)
        return self.kernel_spec_class.from_resource_dir(folder)

    def _of_the_broker(self, name: str) -> bool:
        spec = self.kernel_spec_class.from_resource_dir(str(Path(self.folder) / name))
        provisioner = (spec.metadata or {}).get("kernel_provisioner", {})
        return bool(provisioner.get("provisioner_name") == PROVISIONER)


class ProjectKernelManager(AsyncMappingKernelManager):
    """Starts kernels of the list alone; keeps a bounded amount of what they say while nobody listens."""

    offline_size = Int(help="Bytes kept for a browser that has gone away.").tag(config=True)

    @property
    def _specs(self) -> KernelSpecManager:
        specs: KernelSpecManager = self.kernel_spec_manager  # type: ignore[assignment]
        return specs

    @default("default_kernel_name")
    def _synthetic_first(self) -> str:
        names = list(self._specs.find_kernel_specs())
        return SYNTHETIC if SYNTHETIC in names or not names else names[0]

    async def start_kernel(  # type: ignore[override]
        self,
        *,
        kernel_id: str | None = None,
        path: str | None = None,
        kernel_name: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - jupyter_server's
    ) -> str:
        """Start a kernel.

        Args:
            kernel_id: its id, if it is to have a given one.
            path: not used: every kernel begins in its scratch.
            kernel_name: one of the list.
            kwargs: jupyter_server's.

        Raises:
            HTTPError: 403 this server may not start such a kernel.
        """
        name = kernel_name or self.default_kernel_name
        if name not in self._specs.find_kernel_specs():
            self._refuse(name, "this project has no such kernel")
        if kernel_id is not None and kernel_id not in self and not _ID.fullmatch(kernel_id):
            self._refuse(name, "a kernel's id is a UUID")
        kwargs.pop("env", None)
        with _told():
            started = await super().start_kernel(kernel_id=kernel_id, kernel_name=name, **kwargs)
        return str(started)

    async def _async_shutdown_kernel(
        self, kernel_id: str, now: bool | None = False, restart: bool | None = False
    ) -> None:
        # jupyter_client can't end a kernel that has died and is on its way back: it stayed, and a server that
        # had such a one didn't stop when told to.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_COMING_BACK):
                while kernel_id in self and not self.get_kernel(kernel_id).ready.done():
                    await asyncio.sleep(0.05)
        await super()._async_shutdown_kernel(kernel_id, now=now, restart=restart)

    shutdown_kernel = _async_shutdown_kernel  # type: ignore[assignment] # as jupyter_server has it

    def _refuse(self, name: str, why: str) -> None:
        note(
            self.parent.web_app.settings,  # type: ignore[union-attr]
            Action.KERNEL_REFUSED,
            str(name),
            reason=why,
        )
        raise HTTPError(403, f"{str(name)[:100]!r}: {why}", reason=why)

    def start_buffering(self, kernel_id: str, session_key: str, channels: dict[str, Any]) -> None:
        """Keep what the kernel says until its browser comes back, up to `offline_size`."""
        super().start_buffering(kernel_id, session_key, channels)
        if kernel_id not in self._kernel_buffers:
            return
        kept = self._kernel_buffers[kernel_id]["buffer"]
        left = self.offline_size

        def keep(channel: str, message: list[bytes]) -> None:
            nonlocal left
            left -= sum(map(len, message))
            # States and replies are kept beyond it: a page that comes back must see that a cell has ended.
            needed = channel != "iopub" or b'"status"' in message[-4]
            if left >= 0 or (needed and len(kept) < _MOST_MESSAGES):
                kept.append((channel, message))

        for channel, stream in channels.items():
            stream.on_recv(functools.partial(keep, channel))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Let the user read what the broker has against it."""
    try:
        yield
    except HubError as error:
        raise HTTPError(503, str(error), reason="The kernel can't be started") from error


def ending(kernel: Any) -> str:  # noqa: ANN401 - jupyter_server's kernel managers
    """Why a kernel ended, in words; empty while it runs or where nobody knows."""
    return str(getattr(kernel.provisioner, "ending", ""))


class ProjectSessions(SessionManager):
    """Remembers which notebooks a register kernel has served: their results are stripped from then on.

    What a notebook says of its kernel is written by the browser; which kernel served it is known here.
    """

    async def save_session(self, session_id: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """As jupyter_server's."""
        session = await super().save_session(session_id, *args, **kwargs)
        await self._remember(session_id)
        return session

    async def update_session(self, session_id: str, **kwargs: Any) -> None:  # noqa: ANN401
        """As jupyter_server's."""
        await super().update_session(session_id, **kwargs)
        await self._remember(session_id)

    async def _remember(self, session_id: str) -> None:
        session = await self.get_session(session_id=session_id)
        if session and session["kernel"]["name"] != SYNTHETIC:
            self.contents_manager.register_paths.add(session["path"].strip("/"))
