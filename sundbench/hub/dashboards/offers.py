"""Which dashboards there are: reports of whose study something was released."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from sundbench.errors import ReleaseError
from sundbench.release.released import FILE, About, Released, verified
from sundbench.release.report import ReportFile, available, read
from sundbench.release.wording import LANGUAGES, day
from sundbench.site import Site

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """A dashboard that can be opened.

    Attributes:
        folder: the report's.
        about: its titles, study and needs.
        release: the newest release of its study that has all of its needs.
        released: when that was released.
        synthetic: the release is about invented persons.
    """

    folder: Path
    about: ReportFile
    release: str
    released: datetime
    synthetic: bool

    @property
    def dates(self) -> dict[str, str]:
        """When it was released, in words, by language."""
        return {language: day(self.released.date(), language) for language in LANGUAGES}

    def open(self, site: Site) -> Released:
        """The release, its signature and files checked.

        Raises:
            ReleaseError: it is not as it was released.
        """
        opened = verified(site, self.release)
        if opened.about.manifest.study != self.about.study or opened.about.release != self.release:
            raise ReleaseError(f"releases/{self.release} is not that release: restore the folder")
        return opened


def offers(site: Site, reports: Path) -> list[Offer]:
    """Every dashboard that can be opened, by title in Danish. Releases are checked when they are opened."""
    releases = _releases(site)
    found = (_offer(reports / name, releases) for name in available(reports))
    return sorted((one for one in found if one is not None), key=lambda one: one.about.title.da)


def offer(site: Site, reports: Path, name: str) -> Offer | None:
    """One dashboard; None where there is no such report, or nothing of its study was released."""
    return _offer(reports / name, _releases(site)) if name in available(reports) else None


def _offer(folder: Path, releases: list[tuple[str, About]]) -> Offer | None:
    try:
        about = read(folder)
    except ReleaseError as error:
        _log.error("%s; it is left out", error)
        return None
    fitting = [
        (content.released, name, content)
        for name, content in releases
        if content.manifest.study == about.study
        and all(f"{needed}.json" in content.outputs for needed in about.needs)
    ]
    if not fitting:
        return None
    when, name, content = max(fitting, key=lambda one: one[:2])
    return Offer(folder, about, name, when, content.manifest.synthetic)


def _releases(site: Site) -> list[tuple[str, About]]:
    found = []
    for file in site.releases.glob(f"*/{FILE}"):
        name = file.parent.name
        if name.startswith("."):  # one that is being written
            continue
        try:
            content = json.loads(file.read_text(encoding="utf-8"))["release"]
            found.append((name, About.model_validate(content)))
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            _log.error("%s can't be read; it is left out", file)
    return found
