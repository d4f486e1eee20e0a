"""A delivery: a folder of raw register files as a register holder sends them.

Files are named ``<register or alias>[<year or suffix>].<csv|csv.gz|parquet|sas7bdat>`` in any case:
``LMDB2012.csv``, ``lpr_adm.csv.gz``, ``bef_2019.sas7bdat``. What can't be told from the files stands in
``delivery.toml``; docs/deliveries.md says what may.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sundbench.errors import DeliveryError, one_line
from sundbench.registers.catalogue import Catalogue, Register

Format = Literal["csv", "parquet", "sas7bdat"]

SETTINGS = "delivery.toml"
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".sas7bdat": "sas7bdat",
}
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:\d\d){0,2}(?!\d)")
_SUFFIX = re.compile(r"(?:[-_ .]?\d{1,8})?(?:[-_ .][\w .-]*)?")


class Settings(BaseModel):
    """What ``delivery.toml`` says; every entry has a default.

    Attributes:
        person_identifiers: ``cpr`` (ten digits, checked for their form) or ``opaque`` (any text: deliveries
            that are pseudonymised already).
        person_changes: a CSV file in the folder with the columns ``pnr`` (a number a person once had) and
            ``pnr_gaeldende`` (the one that person has now).
        separator: between fields of CSV files; found from each file's header if absent.
        encoding: of CSV files; found from each file's bytes if absent.
        synthetic: the persons are invented. Freeze, extract, run, release and report all say so then.
        decimal: the decimal mark; if absent, comma and point are both understood, and a number that has
            both is quarantined.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_identifiers: Literal["cpr", "opaque"] = "opaque"
    person_changes: str | None = None
    synthetic: bool = False
    separator: Literal[",", ";", "\t", "|"] | None = None
    encoding: Literal["utf-8", "latin-1"] | None = None
    decimal: Literal[",", "."] | None = None


@dataclass(frozen=True)
class SourceFile:
    """One file of a delivery.

    Attributes:
        path: where it is.
        register: the register's own name.
        format: how it is read.
    """

    path: Path
    register: str
    format: Format

    @property
    def year(self) -> int | None:
        """The year in the file's name (``bef2019.csv``, ``BEF_201912.csv``), if there is one."""
        found = set(_YEAR.findall(self.path.name))
        return int(found.pop()) if len(found) == 1 else None

    @property
    def name(self) -> str:
        """The file's name, for messages and manifests."""
        return self.path.name


@dataclass(frozen=True)
class Delivery:
    """The files of a delivery and what they are.

    Attributes:
        folder: where they lie.
        settings: what ``delivery.toml`` says.
        files: the registers' files, by register and name.
        unknown: names of files that belong to no register of the catalogue: they are reported, not read.
    """

    folder: Path
    settings: Settings
    files: tuple[SourceFile, ...]
    unknown: tuple[str, ...]

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers that have a file, sorted."""
        return tuple(sorted({file.register for file in self.files}))


def read_delivery(folder: Path, catalogue: Catalogue) -> Delivery:
    """See what a delivery holds, by its files' names.

    Args:
        folder: the delivery; what lies in folders below it is reported as unknown.
        catalogue: the registers there are.

    Raises:
        DeliveryError: no such folder, no register's file in it, or a wrong ``delivery.toml``.
    """
    if not folder.is_dir():
        raise DeliveryError(f"{folder}: no such folder: give the folder that holds the delivery's files")
    settings = read_settings(folder)
    files, unknown = [], []
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name in {SETTINGS, settings.person_changes} or path.name.startswith("."):
            continue
        stem, form = _split(path.name)
        register = register_of(stem, catalogue) if form is not None and path.is_file() else None
        if register is None or form is None:
            unknown.append(path.name)
        else:
            files.append(SourceFile(path, register.name, form))
    if not files:
        raise DeliveryError(
            f"{folder}: no file of a register that the catalogue knows: files are named like lmdb2012.csv"
            " (`sundbench registers list` shows the names)"
        )
    files.sort(key=lambda file: (file.register, file.name))
    return Delivery(folder, settings, tuple(files), tuple(unknown))


def read_settings(folder: Path) -> Settings:
    """Read a delivery's ``delivery.toml``, or the defaults where there is none.

    Raises:
        DeliveryError: it is no TOML, or says what can't be said there; one line.
    """
    path = folder / SETTINGS
    if not path.exists():
        return Settings()
    try:
        settings = Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeliveryError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise DeliveryError(one_line(error, str(path))) from error
    if settings.person_changes is not None and not (folder / settings.person_changes).is_file():
        raise DeliveryError(
            f"{path}: person_changes: {settings.person_changes} is not in the delivery: add it, or drop"
            " the line"
        )
    return settings


def register_of(stem: str, catalogue: Catalogue) -> Register | None:
    """The register that a file's name (without its format) speaks of: the longest name that fits."""
    stem = stem.lower()
    names = {name: entry for entry in catalogue.values() for name in (entry.name, *entry.aliases)}
    for name in sorted(names, key=len, reverse=True):
        if stem.startswith(name) and _SUFFIX.fullmatch(stem[len(name) :]):
            return names[name]
    return None


def _split(name: str) -> tuple[str, Format | None]:
    lower = name.lower()
    for ending, form in _FORMATS.items():
        if lower.endswith(ending):
            return name[: -len(ending)], form
    return name, None
