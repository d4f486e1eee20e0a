"""The extracts that a permit has here. Imports nothing heavy: the hub asks as well as the runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sundbench.errors import ReleaseError
from sundbench.site import Site


@dataclass(frozen=True)
class Extract:
    """The extract that a run reads.

    Attributes:
        folder: where it lies.
        freeze: the freeze that it was cut from.
        digest: over all of its files, as its ``extract.json`` says.
        permit_digest: of the permit as it stood when the extract was made.
        synthetic: its persons are invented.
    """

    folder: Path
    freeze: str
    digest: str
    permit_digest: str
    synthetic: bool = False


def find_extract(site: Site, permit: str, freeze: str | None) -> Extract:
    """The permit's extract of a freeze, or the one made last.

    Raises:
        ReleaseError: there is none, or it can't be read.
    """
    made = sorted(site.extracts.glob(f"{permit}/*/extract.json"), key=lambda path: path.stat().st_mtime_ns)
    chosen = [path for path in made if freeze is None or path.parent.name == freeze]
    if not chosen:
        what = f"of freeze {freeze} " if freeze else ""
        there = ", ".join(path.parent.name for path in made)
        make = f"make one with `sundbench extract {permit} --freeze {freeze or 'ID'}`"
        hint = f"there are extracts of {there}" if there else make
        raise ReleaseError(f"permit {permit} has no extract {what}here: {hint}")
    path = chosen[-1]
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Extract(
            folder=path.parent,
            freeze=str(about["freeze"]),
            digest=str(about["digest"]),
            permit_digest=str(about["permit_digest"]),
            synthetic=about.get("synthetic") is True,
        )
    except OSError as error:
        raise ReleaseError(f"extract {path}: {error.strerror}: run as an account that may read it") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"extract {path}: damaged ({error}): make it again") from error
