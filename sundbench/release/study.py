"""Studies as content: a folder with ``study.toml`` and ``analysis.ipynb``.

A new study is a new folder; nothing in the library names one.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sundbench.errors import StudyError, one_line
from sundbench.governance.permit import Permit
from sundbench.registers.catalogue import Catalogue, Text
from sundbench.registers.invented.planting import Planted
from sundbench.release.parameters import Parameter

NOTEBOOK = "analysis.ipynb"

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]

_RESERVED = frozenset({"list", "show", "execute", "reproduce", "wait", "cancel"})
"""Words that `sundbench run` takes for itself."""


class Needs(BaseModel):
    """What a permit must allow before the study can run.

    Attributes:
        registers: by register, the columns that the study reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    registers: dict[str, tuple[str, ...]]


class StudyFile(BaseModel):
    """``study.toml``.

    Attributes:
        id: the same as its folder's name.
        title, description: in Danish and English.
        permit: what a permit must allow.
        synthetic: what invented data must hold so that every arm has people.
        parameters: what can be changed from run to run, by name.
        seed: the seed of random draws unless a run says otherwise.
        timeout: seconds that a single cell may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier
    title: Text
    description: Text
    permit: Needs
    synthetic: Planted | None = None
    parameters: dict[Identifier, Parameter] = Field(default_factory=dict)
    seed: int = Field(default=1, ge=0, lt=2**32)
    timeout: int = Field(default=3600, gt=0)

    def lacks(self, permit: Permit, catalogue: Catalogue) -> str | None:
        """The first register or column that the study needs and the permit lacks; None if it may run."""
        for register, columns in self.permit.registers.items():
            if register not in permit.registers:
                return register
            approved = {*permit.columns(register, catalogue), "person"}
            for column in columns:
                if column not in approved:
                    return f"{register}.{column}"
        return None

    @field_validator("id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in _RESERVED:
            raise ValueError(f"{value} is a word of `sundbench run`: call the study something else")
        return value


class StudyFolder:
    """A study as it lies on disk.

    Attributes:
        folder: where it is.
        about: its ``study.toml``.
    """

    def __init__(self, folder: Path) -> None:
        """Read a study.

        Raises:
            StudyError: ``study.toml`` is missing or wrong, or the notebook is missing.
        """
        self.folder = folder
        path = folder / "study.toml"
        where = f"{folder.name}/study.toml"
        try:
            self.about = StudyFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise StudyError(
                f"{where} is not there: a study is a folder with study.toml and {NOTEBOOK}"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(f"{where}: {error}") from error
        except ValidationError as error:
            raise StudyError(one_line(error, where)) from error
        if self.about.id != folder.name:
            raise StudyError(
                f"{where}: id is {self.about.id}, its folder is {folder.name}: make them the same"
            )
        if not self.notebook.is_file():
            raise StudyError(f"{folder.name}/{NOTEBOOK} is not there: the study has nothing to run")

    @property
    def notebook(self) -> Path:
        """The notebook that does the work."""
        return self.folder / NOTEBOOK

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of ``study.toml``, the notebook and every other file of the study, by file name."""
        files = sorted(path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return {
            path.as_posix(): hashlib.sha256((self.folder / path).read_bytes()).hexdigest()
            for path in files
            if not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        }


def find(analyses: Path, name: str) -> StudyFolder:
    """The study of this name.

    Raises:
        StudyError: there is none, or it is wrong.
    """
    if not (analyses / name / "study.toml").is_file():
        names = ", ".join(available(analyses)) or "none yet"
        raise StudyError(f"no study called {name} in {analyses}; there are: {names}")
    return StudyFolder(analyses / name)


def available(analyses: Path) -> list[str]:
    """The names of the studies in a folder, sorted."""
    return sorted(path.parent.name for path in analyses.glob("*/study.toml"))
