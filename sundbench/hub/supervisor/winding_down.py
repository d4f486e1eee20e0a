"""Stops all that belongs to an installation's hub, in order, whether or not a supervisor is left to do it."""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import Callable
from urllib.error import URLError
from urllib.request import Request, urlopen

from sundbench.errors import ClusterError, SundbenchError
from sundbench.governance import people
from sundbench.governance.audit import client, places
from sundbench.governance.audit.actions import Action
from sundbench.hub.proxy import tls
from sundbench.hub.runtime import secret
from sundbench.hub.settings import read
from sundbench.hub.supervisor import notes, programs, table
from sundbench.hub.supervisor.table import Process
from sundbench.site import Site
from sundbench.slurm import account_jobs, gate

SERVICE = "supervisor"
"""The hub's service under whose token it may be shut down; the token is `runtime.secret` of that name."""
_SERVERS_GRACE = 60.0
_GRACE = 15.0

Say = Callable[[str], object]


def wind_down(site: Site, say: Say, *, servers: bool = True) -> None:
    """Stop servers, hub, proxy and services; note it in the audit log; stop the log's writer.

    The hub is asked to stop its servers, so that it knows of it and records it. Whatever doesn't end in time
    is ended without it. Afterwards nothing of the hub is left but its files.

    Args:
        site: the installation.
        say: told in a line what is done.
        servers: False: project servers, their kernels and sockets stay, for the next hub.
    """
    left = notes.read(site)
    hub = left.running(programs.HUB) if left else None
    writer = left.running(programs.AUDIT) if left else None
    if not servers:
        _wind_down_but_servers(site, say)
        return
    if hub is not None:
        say("stopping the servers and the hub")
        if not (_shut_down(site, say) and table.await_end([hub], _SERVERS_GRACE)):
            _end([hub], say)
    _end(table.jobs(site), say)
    if read(site).site.profile == "slurm":
        _end_cluster_jobs(site, say)
    spared = [writer, left.supervisor if left else None]
    _end([one for one in table.strays(site) if one not in spared], say)
    if writer is not None:
        record(site, Action.HUB_STOP, say)
        _end([writer], say)
    shutil.rmtree(site.runtime, ignore_errors=True)


def _wind_down_but_servers(site: Site, say: Say) -> None:
    """End the hub, and with it proxy and services; then the gateway; the log's writer last."""
    left = notes.read(site)
    if left is None:
        return
    say("stopping the hub; project servers go on")
    for name in (programs.HUB, programs.GATEWAY, programs.AUDIT):
        if name == programs.AUDIT:
            record(site, Action.HUB_STOP, say, servers="left")
        if (process := left.running(name)) is not None:
            _end([process], say)


def record(site: Site, action: Action, say: Say, **detail: object) -> None:
    """Note in the audit log that the hub was started or stopped, and by whom.

    Starting and stopping go on where it can't be noted: the log's next start tells of the gap.
    """
    try:
        with client.Client(places.socket_path(site), places.authority(site), timeout=5) as log:
            log.record_for(people.current_user(), action, "hub", detail=detail)
    except SundbenchError as error:
        say(f"{action} is not in the audit log: {error}")


def _shut_down(site: Site, say: Say) -> bool:
    """Ask the hub to stop its servers, its proxy and itself."""
    settings = read(site)
    inner = settings.site.profile == "slurm"
    request = Request(  # noqa: S310 - this machine's own hub
        f"http{'s' if inner else ''}://127.0.0.1:{settings.hub.hub_port}/hub/api/shutdown",
        data=json.dumps({"servers": True, "proxy": True}).encode(),
        headers={"Authorization": f"token {secret(site, SERVICE)}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urlopen(request, timeout=10, context=_certified(site) if inner else None):  # noqa: S310
            return True
    except (URLError, OSError) as error:
        say(f"the hub doesn't take the request to stop ({error}): ending it")
        return False


def _certified(site: Site) -> ssl.SSLContext:
    """TLS as JupyterHub's own parts speak it to the hub."""
    made = site.hub / "certificates"
    own = tls.Pair(made / "hub-internal" / "hub-internal.key", made / "hub-internal" / "hub-internal.crt")
    return tls.asking(own, made / "hub-ca" / "hub-ca.crt")


def _end_cluster_jobs(site: Site, say: Say) -> None:
    """End the servers' jobs that the hub, perhaps killed, has left in Slurm's queue."""
    try:
        for job, permit in account_jobs.going(site, gate.NAME).items():
            gate.end(site, gate.End(permit=permit, job=job))
    except ClusterError as error:
        say(f"servers' jobs may go on in Slurm until their time is up: {error}")


def _end(asked: list[Process], say: Say) -> None:
    if asked:
        for one in table.end(asked, _GRACE):
            say(f"process {one.pid} didn't end when asked, and was killed")
