"""The line between a page and a kernel: what goes in is recorded first, what comes out is measured.

With the audit's writer down nothing that a page asks of a kernel is done: the page is told why.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections import OrderedDict, deque
from typing import Any

from jupyter_client.jsonutil import json_default
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets import Int

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.async_client import AsyncClient
from sundbench.governance.audit.messages import UnrecordableError
from sundbench.hub.server.kernels import ending
from sundbench.hub.server.messages import Message, NoMessageError, read
from sundbench.hub.server.metering import Meter, Passage, Requests
from sundbench.hub.server.refusals import note

V1 = "v1.kernel.websocket.jupyter.org"
_WAITING = 10_000
_NO_AUDIT = (
    "Ikke udført: revisionsloggen kan ikke skrives lige nu. Prøv igen om lidt.\n"
    "Not run: the audit log can't be written just now. Try again in a while."
)
_STATES = {"busy", "dead", "idle", "restarting", "starting"}
_requests: weakref.WeakKeyDictionary[Any, Requests] = weakref.WeakKeyDictionary()


class RecordedChannels(ZMQChannelsWebsocketConnection):
    """One page's connection to one kernel."""

    output_size = Int(help="Bytes to the page for one execution.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - traitlets'
        super().__init__(**kwargs)
        self._requests = _requests.setdefault(self.kernel_manager, Requests())
        self._meter = Meter(self.output_size, self._requests)
        self._incoming: deque[Message] = deque()
        self._passing: asyncio.Task[None] | None = None
        self._running: OrderedDict[str, dict[str, Any]] = OrderedDict()  # executions without a reply yet

    @property
    def _audit(self) -> AsyncClient:
        client: AsyncClient = self.websocket_handler.settings["sundbench_audit"]
        return client

    # From the page

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        """Take a message; messages go on in the order in which they came."""
        try:
            message = read(incoming_msg, v1=self.subprotocol == V1)
        except NoMessageError as error:
            note(
                self.websocket_handler.settings,
                Action.EXECUTE_REFUSED,
                f"kernel {self.kernel_id}",
                reason=str(error),
            )
            return
        if len(self._incoming) >= _WAITING:
            self.websocket_handler.close(1008, "too many messages at once")
            return
        self._incoming.append(message)
        if self._passing is None or self._passing.done():
            self._passing = asyncio.get_running_loop().create_task(self._pass_on())

    async def _pass_on(self) -> None:
        while self._incoming:
            message = self._incoming.popleft()
            record = message.record()
            if record is not None:
                action, detail = record
                try:
                    await self._audit.record(
                        action,
                        f"kernel {self.kernel_id}",
                        kernel=self.kernel_manager.kernel_name,
                        **detail,
                    )
                except UnrecordableError as error:
                    self._refuse(message, f"Ikke udført / Not run: {error}")
                    continue
                except AuditError as error:
                    self.log.error("not recorded, so not run: %s", error)  # noqa: TRY400 - the operator's
                    self._refuse(message, _NO_AUDIT)
                    continue
            stream = self.channels.get(message.channel)
            if stream is None or stream.closed():  # the page went away meanwhile
                continue
            self._requests.add(message.id)
            if message.kind == "execute_request":
                self._running[message.id] = message.header
            self.session.send_raw(stream, message.parts())

    def _refuse(self, message: Message, why: str) -> None:
        """Let the page know that something was not done, and that it need not wait for it."""
        parent = message.header if message.kind == "execute_request" else message.parent
        self.write_stderr(why, parent)
        if message.kind == "execute_request":
            error = {"ename": "NotRun", "evalue": why, "traceback": []}
            self._send(
                "shell", "execute_reply", {"status": "error", "execution_count": None, **error}, parent
            )
            self._send("iopub", "status", {"execution_state": "idle"}, parent)

    # From the kernel

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:  # noqa: ANN401
        """Pass a message to the page, as long as there is room for it."""
        try:
            _, fed = self.session.feed_identities(outgoing_msg)
            parts: list[Any] = fed[1:]
            header, parent = json.loads(parts[0]), json.loads(parts[1])
            kind, request = str(header["msg_type"]), str(parent.get("msg_id", ""))
        except (ValueError, KeyError, AttributeError, TypeError, IndexError, RecursionError):
            return  # a kernel may send anything; the page gets messages
        if kind == "execute_reply":
            self._running.pop(request, None)
        passage = self._meter.passage(request, sum(map(len, parts)))
        if passage is Passage.GOES:
            super().handle_outgoing_message(stream, outgoing_msg)
            return
        if passage is Passage.CUT:
            most = f"{self.output_size / 2**20:g} MiB"
            self.write_stderr(
                f"Resten af cellens output vises ikke: det er over {most}. Vis mindre ad gangen.\n"
                f"The rest of this cell's output is not shown: it is more than {most}. Show less at a time.",
                parent,
            )
        self._send_bare(kind, parts[3], parent)

    def _send_bare(self, kind: str, content: bytes, parent: dict[str, Any]) -> None:
        """Pass on that something has ended, without what the kernel says about it."""
        if kind not in {"execute_reply", "status"}:
            return
        try:
            said = json.loads(content)
        except ValueError:
            return
        if kind == "status" and said.get("execution_state") in _STATES:
            self._send("iopub", kind, {"execution_state": said["execution_state"]}, parent)
        if kind == "execute_reply":
            count = said.get("execution_count")
            bare: dict[str, Any] = {
                "status": "ok" if said.get("status") == "ok" else "error",
                "execution_count": count if isinstance(count, int) else None,
            }
            if bare["status"] == "error":
                bare |= {"ename": "Error", "evalue": "", "traceback": []}
            self._send("shell", kind, bare, parent)

    def _send(self, channel: str, kind: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        message = self.session.msg(kind, content=content, parent=parent)
        if self.subprotocol == V1:
            self.write_message(serialize_msg_to_ws_v1(message, channel, self.session.pack), binary=True)
        else:
            self.write_message(json.dumps(message | {"channel": channel}, default=json_default))

    # When a kernel dies

    def on_kernel_restarted(self) -> None:
        """Say why the kernel ended where it was working, before the page clears its executions."""
        self._say_why()
        super().on_kernel_restarted()

    def on_restart_failed(self) -> None:
        """The same for a kernel that did not come back."""
        self._say_why()
        super().on_restart_failed()

    def _say_why(self) -> None:
        why = ending(self.kernel_manager) or "ukendt årsag / reason unknown"
        self.kernel_manager.reason = why
        for parent in self._running.values():
            self.write_stderr(
                f"Kernen stoppede: {why}. Dens variable er tabt; notebooken er det ikke.\n"
                f"The kernel ended: {why}. Its variables are lost; the notebook is not.",
                parent,
            )
        self._running.clear()
