"""Released outputs: what is outside the project now, for good. Reports and dashboards read nothing else."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from sundbench.disclosure.output import Output, digest, read_card
from sundbench.errors import ReleaseError, one_line
from sundbench.release import signing
from sundbench.release.disk import room_for
from sundbench.release.manifest import Manifest
from sundbench.site import Site

if TYPE_CHECKING:
    import pandas as pd

RELEASE = "SUNDBENCH_RELEASE"
"""The environment variable that names the released folder that a report reads."""

FILE = "release.json"


class About(BaseModel):
    """What a release is, and where its numbers come from (``release.json``, signed).

    Attributes:
        release: its id.
        manifest: the manifest of the run behind it.
        manifest_digest: SHA-256 over that manifest.
        author: who asked for the release.
        reviewers: who approved it.
        released: when, UTC.
        outputs: SHA-256 of every released file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    manifest: Manifest
    manifest_digest: str
    author: str
    reviewers: tuple[str, ...]
    released: datetime
    outputs: dict[str, str]


class Released:
    """The outputs of one release.

    Attributes:
        folder: where they lie.
        about: where they come from.
    """

    def __init__(self, folder: Path, about: About) -> None:
        self.folder = folder
        self.about = about

    @property
    def names(self) -> list[str]:
        """The outputs' names, sorted."""
        return sorted(name.removesuffix(".json") for name in self.about.outputs if name.endswith(".json"))

    def card(self, name: str) -> Output:
        """An output's card, without the evidence.

        Raises:
            ReleaseError: no such output.
        """
        if name not in self.names:
            there = ", ".join(self.names)
            raise ReleaseError(f"release {self.about.release} has no output {name}; it has {there}")
        return read_card(self.folder / f"{name}.json")

    def table(self, name: str) -> pd.DataFrame:
        """An output's table.

        Raises:
            ReleaseError: no such output, or it is a figure.
        """
        import pandas as pd

        card = self.card(name)
        if card.kind == "figure":
            raise ReleaseError(f"output {name} is a figure: its table is {card.drawn_from}")
        return pd.read_parquet(self.folder / card.file)

    def svg(self, name: str) -> str:
        """A figure, as SVG text.

        Raises:
            ReleaseError: no such output, or it is a table.
        """
        card = self.card(name)
        if card.kind != "figure":
            raise ReleaseError(f"output {name} is a table, not a figure")
        return (self.folder / card.file).read_text(encoding="utf-8")


def released(folder: Path | str | None = None) -> Released:
    """Open a release, and see that its files are as they were released.

    Args:
        folder: the released folder; by default the one that the report was given (``SUNDBENCH_RELEASE``).

    Raises:
        ReleaseError: no folder was given, it holds no release, or a file of it was changed.
    """
    chosen = folder or os.environ.get(RELEASE)
    if not chosen:
        raise ReleaseError(
            f"no release: {RELEASE} is not set; a report is made by `sundbench report publish`"
        )
    path = Path(chosen)
    about = About.model_validate(_signed(path)["release"])
    for name, expected in about.outputs.items():
        file = path / name
        if not file.is_file() or digest(file) != expected:
            raise ReleaseError(
                f"release {about.release}: {name} is not as it was released: restore the folder"
            )
    return Released(path, about)


def verified(site: Site, release: str) -> Released:
    """Open a release of this installation and check its signature and its files.

    Raises:
        ReleaseError: not released, or changed afterwards.
    """
    folder = site.releases / release
    # A release's id becomes a path: only a folder right below is taken.
    if folder.parent != site.releases or not (folder / FILE).is_file():
        raise ReleaseError(
            f"{release} is not released: `sundbench release list` shows where releases stand, and "
            "`sundbench release publish` lets an approved one out"
        )
    signed = _signed(folder)
    signing.verify(site, signed["release"], str(signed["signature"]), f"release {release}")
    opened = released(folder)
    extra = {path.name for path in folder.iterdir()} - opened.about.outputs.keys() - {FILE}
    if extra:
        raise ReleaseError(f"release {release}: {min(extra)} was added after the release: remove it")
    return opened


def store(site: Site, outbox: Path, about: About) -> Path:
    """Copy outputs out of an outbox, without their evidence, read-only, and sign what they are.

    Where an earlier attempt got as far as the folder, that folder is replaced.

    Args:
        site: the installation.
        outbox: the run's outbox, checked.
        about: what the release is; ``outputs`` is filled in here.

    Returns:
        ``releases/<release>/``.
    """
    target = site.releases / about.release
    aside = site.releases / f".{about.release}.part"  # one at a time: the request is locked meanwhile
    for leftover in (aside, target):
        if leftover.exists():
            leftover.chmod(0o755)
            shutil.rmtree(leftover)
    try:
        with room_for(f"release {about.release}"):
            aside.mkdir(parents=True)
            for path in sorted(outbox.glob("*.json")):
                card = read_card(path).without_evidence()
                (aside / path.name).write_text(
                    card.model_dump_json(indent=1, exclude_none=True), encoding="utf-8"
                )
                shutil.copyfile(outbox / card.file, aside / card.file)
            outputs = {path.name: digest(path) for path in sorted(aside.iterdir())}
            content = about.model_copy(update={"outputs": outputs}).model_dump(mode="json")
            signed = {"release": content, "signature": signing.sign(site, content)}
            (aside / FILE).write_text(
                json.dumps(signed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            for path in aside.iterdir():
                path.chmod(0o444)
            aside.rename(target)
            target.chmod(0o555)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return target


def _signed(folder: Path) -> dict[str, dict[str, object]]:
    path = folder / FILE
    try:
        signed = json.loads(path.read_text(encoding="utf-8"))
        About.model_validate(signed["release"])
    except OSError:
        raise ReleaseError(f"{folder} holds no {FILE}: it is not a release") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ReleaseError(f"{path} can't be read: restore the folder") from None
    except ValidationError as error:
        raise ReleaseError(one_line(error, str(path))) from error
    checked: dict[str, dict[str, object]] = signed
    return checked
