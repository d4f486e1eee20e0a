"""The manifest of a run: what was run on what, with what result, signed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sundbench.disclosure.output import digest
from sundbench.errors import ReleaseError, one_line
from sundbench.release import signing
from sundbench.release.parameters import Value
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site

FILE = "manifest.json"


class Policy(BaseModel):
    """The disclosure profile that a run's outputs are checked under, and its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str
    digest: str


class Settled(BaseModel):
    """What is known of a run before it begins.

    Attributes:
        run: its id.
        user: who started it.
        study: the study's id.
        study_files: SHA-256 of ``study.toml``, the notebook and the study's other files.
        parameters: every parameter's value, defaults included.
        seed: seed of random draws.
        permit, permit_digest, freeze, extract_digest: what it ran on.
        synthetic: the extract's persons are invented.
        policy: the disclosure profile.
        started: a moment, UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    user: str
    study: str
    study_files: dict[str, str]
    parameters: dict[str, Value]
    seed: int
    permit: str
    permit_digest: str
    freeze: str
    extract_digest: str
    synthetic: bool = False
    policy: Policy
    started: datetime


class Manifest(Settled):
    """What a run was.

    Attributes:
        surroundings: library, packages, processor.
        finished: a moment, UTC.
        outputs: SHA-256 of every file in the outbox.
    """

    surroundings: Surroundings
    finished: datetime
    outputs: dict[str, str]


def write(site: Site, folder: Path, manifest: Manifest) -> None:
    """Sign a manifest and write it into a run's folder."""
    content = manifest.model_dump(mode="json")
    signed = {"manifest": content, "signature": signing.sign(site, content)}
    (folder / FILE).write_text(json.dumps(signed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(site: Site, folder: Path) -> Manifest:
    """Read a run's manifest and check its signature.

    Raises:
        ReleaseError: missing, damaged, or changed after it was signed.
    """
    path = folder / FILE
    where = f"manifest of run {folder.name}"
    try:
        signed = json.loads(path.read_text(encoding="utf-8"))
        content, signature = signed["manifest"], str(signed["signature"])
    except FileNotFoundError:
        raise ReleaseError(f"{where} is not there: the run is incomplete, run again") from None
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        raise ReleaseError(f"{where} can't be read: it is damaged, run again") from None
    signing.verify(site, content, signature, where)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise ReleaseError(one_line(error, where)) from error


def digests(outbox: Path) -> dict[str, str]:
    """SHA-256 of every file in an outbox, by name, sorted."""
    files = sorted(path for path in outbox.rglob("*") if path.is_file())
    return {path.relative_to(outbox).as_posix(): digest(path) for path in files}


def check_outputs(manifest: Manifest, outbox: Path) -> None:
    """See that an outbox still holds what the run left in it.

    Raises:
        ReleaseError: a file was changed, added or removed.
    """
    now = digests(outbox)
    for name in sorted(now.keys() | manifest.outputs.keys()):
        was = manifest.outputs.get(name)
        if was != now.get(name):
            change = "added" if was is None else "removed" if name not in now else "changed"
            raise ReleaseError(f"run {manifest.run}: outbox/{name} was {change} after the run: run again")
