"""The version of a file to which JupyterLab can revert: kept in memory, never beside the notebooks.

Jupyter's own checkpoints are copies in a hidden folder of the workspace: they would outlive what was deleted,
and be shared with everyone who has the workspace. One version a file is kept, of what was saved (and so
stripped), until the server stops; the workspace's history is git's.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.checkpoints import Checkpoints
from tornado.web import HTTPError
from traitlets import Int

if TYPE_CHECKING:
    from sundbench.hub.server.contents import CodeContents

_ID = "saved"


class MemoryCheckpoints(Checkpoints):
    """One checkpoint a file, the oldest given up for the newest."""

    most = Int(64 * 2**20, help="Bytes of all checkpoints together.")

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - traitlets'
        super().__init__(**kwargs)
        self._kept: OrderedDict[str, tuple[bytes, datetime]] = OrderedDict()

    def create_checkpoint(self, contents_mgr: CodeContents, path: str) -> dict[str, object]:
        """Keep the file as it is saved now."""
        path = path.strip("/")
        now = datetime.now(UTC)
        self._kept.pop(path, None)
        self._kept[path] = (contents_mgr.read(path), now)
        while len(self._kept) > 1 and sum(len(content) for content, _ in self._kept.values()) > self.most:
            self._kept.popitem(last=False)
        return {"id": _ID, "last_modified": now}

    def restore_checkpoint(self, contents_mgr: CodeContents, checkpoint_id: str, path: str) -> None:
        """Write what was kept."""
        path = path.strip("/")
        if checkpoint_id != _ID or path not in self._kept:
            raise HTTPError(404, f"{path}: nothing is kept from before the server started: see git's history")
        contents_mgr.write(path, self._kept[path][0])

    def rename_checkpoint(self, checkpoint_id: str, old_path: str, new_path: str) -> None:
        """Let what was kept follow the file."""
        if kept := self._kept.pop(old_path.strip("/"), None):
            self._kept[new_path.strip("/")] = kept

    def delete_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Forget what was kept."""
        self._kept.pop(path.strip("/"), None)

    def list_checkpoints(self, path: str) -> list[dict[str, object]]:
        """At most one."""
        kept = self._kept.get(path.strip("/"))
        return [{"id": _ID, "last_modified": kept[1]}] if kept else []
