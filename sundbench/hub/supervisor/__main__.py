"""Supervises the installation that the environment names, until SIGTERM or SIGINT."""

import logging
import sys

from sundbench.errors import SundbenchError
from sundbench.hub.supervisor.loop import log, supervise
from sundbench.site import Site

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
try:
    supervise(Site.from_environment())
except SundbenchError as error:
    log.error("%s", error)
    sys.exit(1)
