"""The one process that writes the audit log: `python -m sundbench.governance.audit.writer --home HOME`.

Clients connect to its socket and send lines of JSON. What has arrived while the disk was busy is written and
synced together: each waits for about one sync, and thousands a second fit. Nothing is answered before it is
on the disk. A client that is slow, silent or talks nonsense holds up nobody but itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.committing import Committer, Rules
from sundbench.governance.audit.conversations import LINE_SECONDS, Conversations
from sundbench.governance.audit.messages import MESSAGE_BYTES
from sundbench.governance.audit.places import prepare_socket
from sundbench.governance.audit.record import Entry
from sundbench.site import Site

_log = logging.getLogger("sundbench.audit")


class Writer:
    """Serves the log to its clients.

    Args:
        site: the installation.
        rules: when to anchor.
    """

    def __init__(self, site: Site, rules: Rules) -> None:
        self._site = site
        self._stopping = asyncio.Event()
        self._committer = Committer(site, rules)
        self._clients = Conversations(site, self._committer, self._stopping)

    async def serve(self) -> int:
        """Serve until SIGTERM or SIGINT, or until the log breaks.

        Returns:
            The exit code.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._committer.append([Entry("audit writer", Action.AUDIT_START, str(os.getpid()))])
        path = prepare_socket(self._site)
        server = await asyncio.start_unix_server(self._clients.connected, path, limit=MESSAGE_BYTES)
        # The folder above is its owner's alone. Sandboxes run as other accounts, and have this one mounted.
        path.chmod(0o666)
        committing = asyncio.create_task(self._committer.commit())
        anchoring = asyncio.create_task(self._committer.anchor())
        log = self._committer.log
        _log.info("audit writer %s: log %s at record %s", os.getpid(), log.id, log.sequence)
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait({stopping, committing, anchoring}, return_when=asyncio.FIRST_COMPLETED)
        server.close()
        path.unlink(missing_ok=True)
        if stopping in done:  # what has come is still written and answered
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._committer.drained(), LINE_SECONDS)
        for task in (committing, anchoring, stopping):
            task.cancel()
        self._clients.cancel()
        for ended in await asyncio.gather(committing, anchoring, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        return await self._finish()

    async def _finish(self) -> int:
        try:
            if not self._committer.broken:
                await self._committer.append([Entry("audit writer", Action.AUDIT_STOP, str(os.getpid()))])
            self._committer.log.close()
        except AuditError as error:
            _log.error("%s", error)
            return 1
        return int(self._committer.broken)


def main(arguments: list[str] | None = None) -> int:
    """Run the writer.

    Returns:
        0 after SIGTERM, 1 when the log can't be written.
    """
    rules = Rules()
    parser = argparse.ArgumentParser(prog="python -m sundbench.governance.audit.writer", description=__doc__)
    parser.add_argument("--home", type=Path, help="the installation's folder (default: SUNDBENCH_HOME)")
    parser.add_argument("--anchor-seconds", type=float, default=rules.anchor_seconds)
    parser.add_argument("--anchor-records", type=int, default=rules.anchor_records)
    parser.add_argument("--segment-bytes", type=int, default=rules.segment_bytes)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    site = Site.from_environment(given.home)

    async def serve() -> int:
        return await Writer(
            site, Rules(given.anchor_seconds, given.anchor_records, given.segment_bytes)
        ).serve()

    try:
        return asyncio.run(serve())
    except AuditError as error:
        _log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
