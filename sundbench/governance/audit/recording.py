"""How commands record: through the writer where it runs, else in its place, under its lock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sundbench.governance.audit.client import Client
from sundbench.governance.audit.log import BusyError, Log
from sundbench.governance.audit.messages import WriterDownError
from sundbench.governance.audit.places import authority, readable, socket_path
from sundbench.governance.audit.record import Entry
from sundbench.governance.audit.retention import retire
from sundbench.site import Site

_PATIENCE = 20.0  # seconds: another command may hold the log for a moment, a writer may be starting


class Recorder:
    """Records in one actor's name.

    Args:
        site: the installation.
        actor: user name.
        through: the writer, or the log itself.
    """

    def __init__(self, site: Site, actor: str, through: Client | Log) -> None:
        self._site = site
        self._actor = actor
        self._through = through

    def record(
        self,
        action: str,
        object: str,  # noqa: A002 - the log's own word
        /,
        *,
        permit: str | None = None,
        extract: str | None = None,
        **detail: object,
    ) -> int:
        """Record what is done, with the account that did it.

        Args:
            action: an `Action`.
            object: what it is done to.
            permit: the project.
            extract: the extract's digest.
            detail: what else should be known; JSON values.

        Returns:
            The sequence number. The record is on the disk.

        Raises:
            AuditError: it can't be recorded, so it must not be done.
        """
        told = {**detail, "account": os.getuid()}
        if isinstance(self._through, Client):
            return self._through.record_for(
                self._actor, action, object, permit=permit, extract=extract, detail=told
            )
        return self._through.append([Entry(self._actor, action, object, told, permit, extract)])[0]

    def retire(self) -> list[str]:
        """Remove segments whose time is over (`retention.retire`).

        Returns:
            The names of the statements that stand in their place.

        Raises:
            AuditError: as `retention.retire`.
        """
        if isinstance(self._through, Client):
            return self._through.retire(self._actor)
        return [statement.name for statement in retire(self._site, self._through, self._actor)]


@contextmanager
def recording(site: Site, actor: str) -> Iterator[Recorder]:
    """Be ready to record; do nothing in the block that the log doesn't know of.

    Keep the block short: without a writer it holds the log, and other commands wait.

    Args:
        site: the installation.
        actor: in whose name.

    Yields:
        What records. Its records are anchored when the block ends.

    Raises:
        AuditError: the log can't be written now.
    """
    with readable(site):
        through = _open(site)
    with through:
        yield Recorder(site, actor, through)


def _open(site: Site) -> Client | Log:
    until = time.monotonic() + _PATIENCE
    while True:
        if socket_path(site).exists():
            client = Client(socket_path(site), authority(site))
            try:
                client.state()
            except WriterDownError:
                client.close()
            else:
                return client
        try:
            return _in_its_place(site)
        except (BusyError, WriterDownError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _in_its_place(site: Site) -> Log:
    """The log itself, where there is no writer.

    Raises:
        BusyError: another holds it.
        WriterDownError: only the writer may: it could not go on with what root had written.
    """
    if os.geteuid() == 0 != site.owner:
        raise WriterDownError
    return Log(site)
