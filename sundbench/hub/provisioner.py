"""How a Jupyter server in its sandbox gets kernels: it asks the broker outside.

Registered under the entry point ``jupyter_client.kernel_provisioners`` as ``sundbench-broker``; a kernelspec
chooses it and names its policy.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Unicode

from sundbench.errors import HubError

BROKER, SOCKETS = "SUNDBENCH_BROKER", "SUNDBENCH_KERNEL_SOCKETS"
"""Environment variables that say where the broker's socket and the kernels' sockets are."""

_WAIT = 0.1
_ANSWER_WITHIN = 60.0


def broker_socket() -> Path:
    """Where the broker listens, as a server's sandbox has it."""
    return Path(os.environ.get(BROKER, "/run/sundbench/broker.sock"))


async def ask(socket: Path, **request: object) -> dict[str, Any]:
    """Ask the broker.

    Args:
        socket: the broker's.
        request: one of `sundbench.hub.broker.protocol`.

    Raises:
        HubError: it refuses, or it is gone.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            line = await asyncio.wait_for(reader.readline(), _ANSWER_WITHIN)
        finally:
            writer.close()
        reply: dict[str, Any] = json.loads(line)
    except (OSError, ValueError) as error:
        raise HubError("the kernels' broker is gone: stop this server and start it again") from error
    if "error" in reply:
        raise HubError(str(reply["error"]))
    return reply


class BrokerProvisioner(KernelProvisionerBase):
    """One kernel, which the broker runs.

    Attributes:
        policy: the kernel's policy, from its kernelspec.
        ending: why the kernel ended last, in words; empty while it has not.
    """

    policy = Unicode()
    broker = Unicode()
    sockets = Unicode()

    ending = ""
    _code: int | None = None
    _started = False

    def _broker_default(self) -> str:
        return str(broker_socket())

    def _sockets_default(self) -> str:
        return os.environ.get(SOCKETS, "/run/sundbench/k")

    @property
    def has_process(self) -> bool:
        """A kernel was started, and nobody has waited for its end."""
        return self._started

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - jupyter_client's
        """Nothing of the server's environment, folder or command goes to the kernel."""
        return {"cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ANN401
        """Have the kernel started; after an end, on the same sockets as before.

        Raises:
            HubError: the broker refuses, or is gone.
        """
        reply = await self._ask("start", policy=self.policy)
        connection = reply["connection"]
        connection["ip"] = str(Path(self.sockets) / reply["folder"] / connection["ip"])
        connection["key"] = connection["key"].encode()
        self.connection_info = connection
        self._started, self._code, self.ending = True, None, ""
        return self.connection_info

    async def poll(self) -> int | None:
        """None while the kernel runs, else its exit code."""
        if self._started and self._code is None:
            try:
                reply = await self._ask("poll")
            except HubError as error:
                reply = {"running": False, "code": -9, "ending": str(error)}
            if not reply["running"]:
                self._code, self.ending = reply["code"], reply["ending"]
                self.log.warning("Kernel %s ended: %s", self.kernel_id, self.ending)
        return self._code if self._started else 0

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        while (code := await self.poll()) is None:
            await asyncio.sleep(_WAIT)
        self._started = False
        return code

    async def send_signal(self, signum: int) -> None:
        """Send the kernel a signal; nothing where it has ended."""
        if await self.poll() is None:
            await self._ask("signal", signum=int(signum))

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and all of its processes."""
        await self.send_signal(9)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end."""
        await self.send_signal(15)

    async def cleanup(self, restart: bool = False) -> None:
        """Have the broker forget the kernel, unless it is to start again."""
        if not restart:
            try:
                await self._ask("stop")
            except HubError as error:
                self.log.warning("Kernel %s: %s", self.kernel_id, error)

    async def _ask(self, what: str, **more: object) -> dict[str, Any]:
        return await ask(Path(self.broker), do=what, kernel=self.kernel_id, **more)
