"""A dashboard's kernel: in a sandbox that holds the released folder and nothing else, for one drawing."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError

from sundbench.errors import SandboxError
from sundbench.release.confined import Sandbox, SandboxProvisioner
from sundbench.sandbox.policy import Policy

_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "IPYTHONDIR": "/tmp/ipython",  # noqa: S108 - the sandbox's own
    "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""All that a kernel's environment has beside its policy's: nothing of the service's, which holds tokens."""


class _Provisioner(SandboxProvisioner):
    """Gives the kernel sockets, and no folder to keep anything in."""

    def prepare(self, sandbox: Sandbox, scratch: Path) -> None:
        self._sandbox = sandbox
        self._folders = {"sockets": scratch / "sockets"}
        self._folders["sockets"].mkdir(mode=0o755)


@asynccontextmanager
async def kernel(policy: Policy, released: Path, folder: Path) -> AsyncIterator[AsyncKernelManager]:
    """A running kernel; it ends with the block.

    Args:
        policy: what it may see and use (``kernels/dashboard``).
        released: the folder of the release that it shows.
        folder: where its sockets are made; a short path.

    Raises:
        SandboxError: its sandbox can't be made here.
    """
    with tempfile.TemporaryDirectory(prefix="k", dir=folder, ignore_cleanup_errors=True) as own:
        scratch = Path(own)
        manager = AsyncKernelManager(transport="ipc", connection_file=str(scratch / "kernel.json"))
        provisioner = _Provisioner(kernel_id=scratch.name, kernel_spec=manager.kernel_spec, parent=manager)
        provisioner.prepare(Sandbox(policy, {"released": released}, scratch), scratch)
        manager.provisioner = provisioner
        try:
            await manager.start_kernel(env=dict(_ENVIRONMENT))
            yield manager
        except DeadKernelError as error:
            ending = provisioner.ending
            raise SandboxError(f"its kernel died: {ending}" if ending else "its kernel died") from error
        finally:
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)
            await manager.cleanup_resources()
