"""The accounts under which a cluster runs projects' jobs, made and given their folders."""

from __future__ import annotations

from sundbench.errors import ClusterError
from sundbench.governance import database, permits
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.recording import recording
from sundbench.site import Site
from sundbench.slurm import accounts, folders


def set_up(site: Site, user: str) -> None:
    """Make the account of every active permit that has none on this machine, and hand its folders over.

    Args:
        site: the installation.
        user: who does it, for the audit log.

    Raises:
        ClusterError: an account can't be made, isn't as it was, or can't be given its folders. The other
            permits' accounts are set up all the same.
    """
    with database.reading(site) as session:
        active = permits.active(session, permits.today())
    failed: list[ClusterError] = []
    with recording(site, user) as recorder:
        for permit in active:
            try:
                made = accounts.create(permit)
                recorder.record(Action.ACCOUNT_SET_UP, made.name, permit=permit, uid=made.uid, gid=made.gid)
                accounts.note(site, made)
                folders.hand_over(site, made)
            except ClusterError as error:
                failed.append(error)
    if failed:
        raise ClusterError("; ".join(map(str, failed)))
