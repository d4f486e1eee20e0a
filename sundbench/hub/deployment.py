"""What the parts of one running hub share: the site, the operator's settings, the audit log, the queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sundbench.hub import settings
from sundbench.hub.journal import Journal
from sundbench.hub.log_in_limits import LogInLimits
from sundbench.hub.passwords import Attempts
from sundbench.hub.queue import StartQueue
from sundbench.hub.settings import Settings
from sundbench.site import Site


@dataclass(frozen=True)
class Deployment:
    """One running hub.

    Attributes:
        site: the installation.
        settings: the operator's, as they were when the hub started.
        journal: the audit log.
        queue: where starting servers wait.
        attempts: who failed to log in lately.
        limits: how often one address or account may try.
    """

    site: Site
    settings: Settings
    journal: Journal
    queue: StartQueue
    attempts: Attempts
    limits: LogInLimits


@cache
def deployment() -> Deployment:
    """The deployment that this process runs, found by its environment.

    Raises:
        HubError: the settings can't be read.
    """
    site = Site.from_environment()
    chosen = settings.read(site)
    return Deployment(
        site=site,
        settings=chosen,
        journal=Journal(site),
        queue=StartQueue(chosen.hub.starts_at_once),
        attempts=Attempts(),
        limits=LogInLimits(),
    )
