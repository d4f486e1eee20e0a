"""The server's program: ``python -I -m sundbench.hub.server DESCRIPTOR``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub.lean import spare_grammar
from sundbench.hub.server.bridge import open_ways, port
from sundbench.hub.server.settings import Settings, read

_INHERITED = ("JUPYTER", "JPY_", "IPYTHON", "JUPYTERLAB")


def enter(settings: Settings) -> Path:
    """Make the process's environment the server's own; a process's ``/proc`` entry doesn't show it.

    Returns:
        A private folder for what Jupyter writes for itself; it ends with the sandbox.
    """
    for name in [name for name in os.environ if name.startswith(_INHERITED)]:
        del os.environ[name]
    private = Path(tempfile.mkdtemp(prefix="sundbench-server-"))
    os.environ.update(settings.environment)
    os.environ.update(
        JUPYTER_NO_CONFIG="1",  # no configuration file of a user, an environment or the machine is read
        JUPYTER_DATA_DIR=str(private / "data"),
        JUPYTER_RUNTIME_DIR=str(private / "runtime"),
        IPYTHONDIR=str(private / "ipython"),
        JUPYTERHUB_DISABLE_USER_CONFIG="1",
        # A server starts no program. JupyterLab would if it found one: Node, at each start, to learn where
        # packages of extensions come from.
        PATH=str(private / "programs"),
    )
    return private


def descriptor(arguments: list[str]) -> int:
    """The one argument.

    Raises:
        HubError: the server was not started as it must be.
    """
    if not sys.flags.isolated:
        # Without it the working directory stands first among the places from which modules are imported, and
        # notebooks are written by users.
        raise HubError("the server runs as python -I -m sundbench.hub.server: start it from the hub")
    if len(arguments) != 1 or not arguments[0].isdecimal():
        raise HubError("the server wants one argument, its settings' descriptor: start it from the hub")
    return int(arguments[0])


def main(arguments: list[str]) -> int:
    """Run the server until it is stopped."""
    try:
        settings = read(descriptor(arguments))
        private = enter(settings)
        spare_grammar()
        if settings.listener is not None:
            told = settings.environment
            own, hub = port(told["JUPYTERHUB_SERVICE_URL"]), port(told["JUPYTERHUB_API_URL"])
            open_ways(settings.listener, own, hub)
        from sundbench.hub.server.extension import launch  # Jupyter reads the environment on import

        launch(settings, private)
    except HubError as error:
        print(f"sundbench.hub.server: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
