"""The service's program, started by the hub: ``python -I -m sundbench.hub.dashboards``."""

import ctypes
import logging
import os
import shutil
import signal
import sys
import tempfile

from sundbench.errors import SundbenchError
from sundbench.hub.dashboards.service import HUB
from sundbench.hub.lean import spare_grammar
from sundbench.hub.runtime import prepare, private
from sundbench.hub.settings import read
from sundbench.site import Site


def _die_with(hub: int) -> None:
    """End when the hub does, however it ends: the next one starts its own, at the same port."""
    set_parent_death_signal = 1  # prctl(2)
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != hub:
        sys.exit("the hub that started the dashboards has ended")


def main() -> None:
    """Serve until the hub ends the service.

    Raises:
        SundbenchError: the settings, the policy or the folders are not as they must be.
    """
    _die_with(int(os.environ[HUB]))
    spare_grammar()
    from sundbench.hub.dashboards.app import Dashboards, configuration  # Voila imports Jupyter

    site = Site.from_environment()
    folder = private(prepare(site) / "dashboards")
    for left in folder.iterdir():  # a service that was killed could not clear up
        shutil.rmtree(left, ignore_errors=True)
    # Jupyter's own files (a signing key, a data folder) go with the service.
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    os.environ["JUPYTER_DATA_DIR"] = tempfile.mkdtemp(prefix="data", dir=folder)
    address, prefix = os.environ["JUPYTERHUB_SERVICE_URL"], os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    app = Dashboards(site, read(site), config=configuration(folder, address, prefix))
    app.initialize([])
    app.start()


try:
    main()
except SundbenchError as error:
    logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - for the operator
    sys.exit(1)
