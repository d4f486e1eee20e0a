"""The files that a browser reads and writes: the project's code, and nothing that could be data.

Reading and writing go through `tree`, which follows no link. By their endings and their content files are
code or they stay where they are; a register notebook's results are taken out when it is saved, and again when
it is read, since a file can come by another way (git, a colleague's editor).
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import json
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from jupyter_server.services.contents.manager import ContentsManager
from tornado.web import HTTPError
from traitlets import Int, Unicode, default

from sundbench.governance.audit.actions import Action
from sundbench.hub.server import notebooks
from sundbench.hub.server.checkpoints import MemoryCheckpoints
from sundbench.hub.server.refusals import note
from sundbench.hub.server.tree import Entry, IrregularError, NotThereError, Tree
from sundbench.hub.server.versions import changed
from sundbench.hub.workspaces.layout import foreign
from sundbench.hub.workspaces.space import space

CODE = (".ipynb", ".py", ".R", ".r", ".md", ".toml", ".txt", ".sql")
"""Endings of the files that may be opened, written and uploaded."""

_MIB = 2**20


class CodeContents(ContentsManager):
    """A project's notebooks and code, as JupyterLab's file browser and editors see them."""

    root_dir = Unicode(config=True)
    upload_size = Int(help="Bytes of the largest file that isn't a notebook.").tag(config=True)
    notebook_size = Int(help="Bytes of the largest notebook.").tag(config=True)
    quota = Int(help="Bytes of all files together.").tag(config=True)
    delete_to_trash = False
    allow_hidden = False

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - traitlets'
        super().__init__(**kwargs)
        self._pieces: dict[str, list[bytes]] = {}
        self.register_paths: set[str] = set()  # notebooks that a register kernel has served since the start

    @default("root_dir")
    def _root_of_the_server(self) -> str:
        return str(self.parent.root_dir)  # type: ignore[union-attr]

    @default("checkpoints_class")
    def _in_memory(self) -> type[MemoryCheckpoints]:
        return MemoryCheckpoints

    @default("files_handler_class")
    def _none(self) -> None:
        return None

    @property
    def tree(self) -> Tree:
        """The project's files."""
        return Tree(Path(self.root_dir))

    # What there is

    def is_hidden(self, path: str) -> bool:
        """Whether a name in the path begins with a dot (or can't be a name)."""
        return any(name.startswith(".") for name in path.split("/") if name)

    def file_exists(self, path: str = "") -> bool:
        """Whether a file is there."""
        entry = self._entry(path)
        return entry is not None and not entry.folder

    def dir_exists(self, path: str) -> bool:
        """Whether a folder is there."""
        entry = self._entry(path)
        return entry is not None and entry.folder

    def _entry(self, path: str) -> Entry | None:
        try:
            return self.tree.entry(path)
        except (NotThereError, IrregularError):
            return None

    def get_kernel_path(self, path: str, model: dict[str, Any] | None = None) -> str:
        """Kernels work in their scratch, wherever the notebook is."""
        return ""

    # Reading

    def read(self, path: str) -> bytes:
        """A file's content, as it may be seen.

        Raises:
            HTTPError: 404 it isn't there; 403 it isn't code, a link, or too large.
        """
        self._must_be_code(path, "opened", Action.DOWNLOAD_REFUSED)
        most = self._most(path)
        with self._plain(path, Action.CONTENTS_REFUSED):
            content = self.tree.read(path, most)
        if len(content) > most:
            self._refuse(
                Action.DOWNLOAD_REFUSED, path, f"larger than the {_size(most)} that may be opened here", 413
            )
        return content

    def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,  # noqa: A002 - Jupyter's own names
        format: str | None = None,  # noqa: A002
        require_hash: bool = False,
    ) -> dict[str, Any]:
        """The model of a file, notebook or folder."""
        path = path.strip("/")
        with self._plain(path, Action.CONTENTS_REFUSED):
            entry = self.tree.entry(path)
        if entry.folder:
            if type not in {None, "directory"}:
                raise HTTPError(400, f"{path} is a folder", reason="bad type")
            return self._folder_model(entry, content)
        if type == "directory":
            raise HTTPError(400, f"{path} is not a folder", reason="bad type")
        notebook = type == "notebook" or (type is None and path.endswith(".ipynb"))
        model = _model(entry, "notebook" if notebook else "file")
        if not content and not require_hash:
            return model
        raw = self.read(path)
        if path.endswith(".ipynb"):
            raw = self._without_results(path, raw)
        if require_hash:
            model |= {"hash": hashlib.sha256(raw).hexdigest(), "hash_algorithm": "sha256"}
        if not content:
            return model
        if notebook:
            parsed = self._notebook(path, raw)
            self.mark_trusted_cells(parsed, path)
            model |= {"content": parsed, "format": "json"}
            self.validate_notebook_model(model)
            return model
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self._refuse(Action.DOWNLOAD_REFUSED, path, "not text in UTF-8")
        if format == "base64":
            return model | {"content": base64.b64encode(raw).decode(), "format": "base64"}
        return model | {"content": text, "format": "text"}

    def _folder_model(self, entry: Entry, content: bool) -> dict[str, Any]:
        model = _model(entry, "directory")
        if content:
            with self._plain(entry.path, Action.CONTENTS_REFUSED):
                inner = self.tree.inside(entry.path)
            model["content"] = [
                _model(found, "directory" if found.folder else _kind(found.path))
                for found in inner
                if self.should_list(found.name)
            ]
            model["format"] = "json"
        return model

    def _notebook(self, path: str, raw: bytes) -> nbformat.NotebookNode:
        try:
            notebook: nbformat.NotebookNode = nbformat.reads(raw.decode(), as_version=4)
        except Exception as error:  # nbformat raises whatever the content leads it to
            raise HTTPError(400, f"{path} is not a notebook that can be read") from error
        return notebook

    def _without_results(self, path: str, raw: bytes) -> bytes:
        notebook = self._notebook(path, raw)
        if self._may_keep(path, notebook) or not notebooks.strip(notebook):
            return raw
        return str(nbformat.writes(notebook)).encode()

    def _may_keep(self, path: str, notebook: dict[str, Any]) -> bool:
        return notebooks.keeps_results(notebook) and path not in self.register_paths

    # Writing

    def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Write a file, notebook or folder; the model without content is returned."""
        path = path.strip("/")
        kind = model.get("type")
        if kind == "directory":
            self._must_be_mine(path)
            with self._plain(path, Action.CONTENTS_REFUSED):
                self.tree.make_folder(path)
            return self.get(path, content=False)
        if kind not in {"notebook", "file"} or "content" not in model:
            raise HTTPError(400, f"{path}: neither a file, a notebook nor a folder")
        self._must_be_code(path, "uploaded or saved", Action.UPLOAD_REFUSED)
        raw = self._content(model, path)
        if raw is None:  # pieces are still to come
            return _model(Entry(path, False, 0, datetime.now(UTC).timestamp(), True), "file")
        if len(raw) > self._most(path):
            self._refuse(Action.UPLOAD_REFUSED, path, f"larger than {_size(self._most(path))}", 413)
        self.write(path, self._prepared(path, raw))
        saved = self.get(path, content=False)
        if kind == "notebook" and not self.checkpoints.list_checkpoints(path):
            self.create_checkpoint(path)
        return saved

    def write(self, path: str, content: bytes) -> None:
        """Write a file that was checked.

        Raises:
            HTTPError: 404 the folder isn't there; 403 a link stands there; 507 the disk or the quota is full.
        """
        self._must_be_mine(path)
        self._must_fit(path, len(content))
        with self._plain(path, Action.CONTENTS_REFUSED):
            self.tree.write(path, content)
        changed(path)

    def _must_fit(self, path: str, size: int) -> None:
        entry = self._entry(path)
        before = entry.size if entry else 0
        if not space(Path(self.root_dir), self.quota, 1).holds(size - before):
            raise HTTPError(
                507,
                f"{path}: not saved: the project's notebooks take all of their {_size(self.quota)}: "
                "delete some, then save again; or ask the operator for more",
                reason="The project's space is used up",
            )

    def _content(self, model: dict[str, Any], path: str) -> bytes | None:
        """What a model would have written; None as long as pieces of it are to come."""
        content, kind = model["content"], model.get("format")
        if model["type"] == "notebook":
            return json.dumps(content).encode()
        try:
            raw = content.encode() if kind == "text" else base64.b64decode(content.encode("ascii"))
        except (AttributeError, UnicodeEncodeError, binascii.Error) as error:
            raise HTTPError(400, f"{path}: content is neither text nor base64") from error
        chunk = model.get("chunk")
        if chunk is None:
            return raw
        # JupyterLab sends files over 1 MiB in pieces: 1, 2, ..., the last is -1. They are put together in
        # memory, so that nothing unchecked comes onto the disk.
        if chunk == 1:
            self._pieces = {path: []}  # one upload at a time: what was begun before is given up
        if path not in self._pieces:
            raise HTTPError(400, f"{path}: the upload's beginning is missing: upload the file again")
        self._pieces[path].append(raw)
        if sum(map(len, self._pieces[path])) > self._most(path):
            del self._pieces[path]
            self._refuse(Action.UPLOAD_REFUSED, path, f"larger than {_size(self._most(path))}", 413)
        return b"".join(self._pieces.pop(path)) if chunk == -1 else None

    def _prepared(self, path: str, raw: bytes) -> bytes:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self._refuse(Action.UPLOAD_REFUSED, path, "not text in UTF-8: only code may be uploaded", 415)
        if "\0" in text:
            self._refuse(Action.UPLOAD_REFUSED, path, "not text: only code may be uploaded", 415)
        if not path.endswith(".ipynb"):
            return raw
        try:
            notebook = nbformat.reads(text, as_version=4)
            nbformat.validate(notebook)
        except Exception:  # nbformat raises whatever the content leads it to
            self._refuse(Action.UPLOAD_REFUSED, path, "not a valid notebook", 415)
        if not self._may_keep(path, notebook):
            notebooks.strip(notebook)
        self.check_and_sign(notebook, path)
        # Which cells the writer trusted is known from the signature; in the file it is for nobody.
        for cell in notebook.cells:
            cell.metadata.pop("trusted", None)
        return str(nbformat.writes(notebook)).encode()

    def delete_file(self, path: str) -> None:
        """Delete a file or an empty folder."""
        self._must_be_mine(path)
        with self._plain(path, Action.CONTENTS_REFUSED):
            self.tree.remove(path)
        changed(path)

    def rename_file(self, old_path: str, new_path: str) -> None:
        """Give a file or folder another path."""
        old_path, new_path = old_path.strip("/"), new_path.strip("/")
        self._must_be_mine(old_path)
        self._must_be_mine(new_path)
        if not self.dir_exists(old_path):
            self._must_be_code(old_path, "renamed", Action.CONTENTS_REFUSED)
            self._must_be_code(new_path, "made", Action.CONTENTS_REFUSED)
        with self._plain(old_path, Action.CONTENTS_REFUSED):
            self.tree.move(old_path, new_path)
        changed(old_path, new_path)
        self.register_paths |= {  # a folder takes along what is in it
            new_path + path.removeprefix(old_path)
            for path in self.register_paths
            if path == old_path or path.startswith(f"{old_path}/")
        }

    # Refusing

    def _most(self, path: str) -> int:
        return int(self.notebook_size if path.endswith(".ipynb") else self.upload_size)

    def _must_be_mine(self, path: str) -> None:
        if foreign(path, self.parent.web_app.settings["sundbench"].user):  # type: ignore[union-attr]
            self._refuse(
                Action.CONTENTS_REFUSED, path, "another member's own place: copy it to yours or to shared"
            )

    def _must_be_code(self, path: str, verb: str, action: Action) -> None:
        if not path.endswith(CODE):
            self._refuse(action, path, f"only code may be {verb} here: {', '.join(CODE)}", 415)

    def _refuse(self, action: Action, path: str, why: str, status: int = 403) -> NoReturn:
        note(
            self.parent.web_app.settings,  # type: ignore[union-attr]
            action,
            path,
            reason=why,
        )
        raise HTTPError(status, f"{path}: {why}", reason=why[:100])

    @contextmanager
    def _plain(self, path: str, action: Action) -> Iterator[None]:
        try:
            yield
        except NotThereError as error:
            raise HTTPError(404, f"file or directory {path!r} does not exist") from error
        except IrregularError:
            self._refuse(action, path, "links and other special files are not served")
        except FileExistsError as error:
            raise HTTPError(409, f"{error}: there is such a file already") from error
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                raise HTTPError(400, f"{path}: the folder is not empty: delete its files first") from error
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise HTTPError(
                    507, f"{path}: not saved, the project's space is used up: delete files, then save again"
                ) from error
            if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
                raise HTTPError(403, f"{path}: the project's notebooks may not be written now") from error
            raise


def _kind(path: str) -> str:
    return "notebook" if path.endswith(".ipynb") else "file"


def _size(size: int) -> str:
    return f"{size / _MIB:g} MiB" if size >= _MIB else f"{size:,} bytes"


def _model(entry: Entry, kind: str) -> dict[str, Any]:
    """A model without content, as Jupyter's contents API has it."""
    moment = datetime.fromtimestamp(entry.modified, UTC)
    return {
        "name": entry.name,
        "path": entry.path,
        "type": kind,
        "created": moment,
        "last_modified": moment,
        "content": None,
        "format": None,
        "mimetype": None if kind != "file" else mimetypes.guess_type(entry.path)[0] or "text/plain",
        "size": None if kind == "directory" else entry.size,
        "writable": entry.writable and (kind == "directory" or entry.path.endswith(CODE)),
        "hash": None,
        "hash_algorithm": None,
    }
