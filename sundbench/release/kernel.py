"""Notebooks executed in a kernel that sees what it is given and nothing of the process around it."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from sundbench import errors
from sundbench.errors import ReleaseError
from sundbench.progress import Report, silent
from sundbench.release.confined import Sandbox, SandboxProvisioner
from sundbench.release.kernel_environment import confined_environment, environment

_ENGINE = "sundbench"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute(
    notebook: Path,
    target: Path,
    *,
    given: Mapping[str, str],
    parameters: Mapping[str, object] | None = None,
    timeout: int = 3600,
    sandbox: Sandbox | None = None,
    report: Report = silent,
) -> None:
    """Execute a notebook and write it, with its outputs, to another file.

    Args:
        notebook: what to execute; its folder is the kernel's working directory.
        target: where the executed notebook goes, also when a cell fails.
        given: the kernel's environment beyond the bare necessities.
        parameters: injected after the cell tagged ``parameters``; they have passed their types already.
        timeout: seconds that a single cell may take.
        sandbox: where its kernel runs; None: under this account, seeing what it sees.
        report: told of each cell.

    Raises:
        ReleaseError: a cell failed; says which, and what it said. Or it left something else than files in its
            outbox.
        SandboxError: the sandbox can't be made here.
    """
    logging.getLogger("papermill").setLevel(logging.ERROR)
    # The path of a Unix socket is at most 108 bytes, so the scratch folder is a short one.
    with tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        try:
            papermill.execute_notebook(
                str(notebook),
                str(target),
                parameters=dict(parameters or {}),
                engine_name=_ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                execution_timeout=timeout,
                scratch=scratch,
                environment=confined_environment(given) if sandbox else environment(scratch, given),
                sandbox=sandbox,
                working_directory=str(notebook.parent),
                told=report,
            )
        except PapermillExecutionError as error:
            raise ReleaseError(_failure(error)) from error
        except _KernelEndedError as error:
            raise ReleaseError(f"its kernel, which died: {error}") from error
        except DeadKernelError as error:
            raise ReleaseError("its kernel, which died: most often there was too little memory") from error
        except CellTimeoutError as error:
            raise ReleaseError(
                f"a cell that took more than {timeout} seconds: raise timeout in study.toml"
            ) from error
        except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            raise ReleaseError(
                f"{notebook.name} is not a notebook: open it in Jupyter and save it"
            ) from error


def _failure(error: PapermillExecutionError) -> str:
    """One line of a failed cell: a message meant for the user stands alone, others with their type."""
    said = " ".join(_ANSI.sub("", str(error.evalue)).split())
    first = next((line.strip() for line in error.source.splitlines() if line.strip()), "")
    where = f"cell {error.cell_index + 1} ({first[:60]})"
    meant = isinstance(getattr(errors, error.ename, None), type)
    return f"{where}: {said}" if meant else f"{where}: {error.ename}: {said}"


class _KernelEndedError(Exception):
    """A kernel's end, with the reason that its sandbox gives."""


class _Client(PapermillNotebookClient):  # type: ignore[misc] # papermill is untyped
    """Tells of every cell."""

    told: Report = staticmethod(silent)

    def execute_cell(self, cell: Any, cell_index: int, **kwargs: Any) -> Any:  # noqa: ANN401 - as its base
        executed = super().execute_cell(cell, cell_index, **kwargs)
        self.told("cells", cell_index + 1, len(self.nb.cells))
        return executed


class _ScrubbedEngine(Engine):  # type: ignore[misc] # papermill is untyped
    """Papermill's engine with a kernel of its own environment and sockets of its own."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,  # noqa: ANN401 - papermill's
        kernel_name: str,
        *,
        scratch: Path,
        environment: dict[str, str],
        sandbox: Sandbox | None,
        working_directory: str,
        told: Report,
        execution_timeout: int,
        **_: object,
    ) -> None:
        # Asynchronous: waiting for a blocking one's messages, nbclient never sees that the kernel died.
        manager = AsyncKernelManager(
            kernel_name=kernel_name,
            transport="ipc",
            connection_file=str(scratch / "kernel.json"),
        )
        confined = None
        if sandbox is not None:
            confined = SandboxProvisioner(kernel_id=_ENGINE, kernel_spec=manager.kernel_spec, parent=manager)
            confined.prepare(sandbox, scratch)
            manager.provisioner = confined
        client = _Client(nb_man, km=manager, timeout=execution_timeout, startup_timeout=120)
        client.told = told
        try:
            client.execute(env=environment, cwd=working_directory)
            if confined is not None:
                confined.collect()
        except DeadKernelError as error:
            if confined is not None and confined.ending:
                raise _KernelEndedError(confined.ending) from error
            raise
        finally:
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=True)
            run_sync(manager.cleanup_resources)()


papermill_engines.register(_ENGINE, _ScrubbedEngine)
