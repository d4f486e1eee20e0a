"""This Python, as a sandbox sees it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_ELSEWHERE = "/opt/sundbench"


@dataclass(frozen=True)
class Interpreter:
    """Folders that this Python and Sundbench's own package live in, and where a sandbox sees them.

    They keep their paths: an interpreter of conda has them compiled in. Those that lie below a place where
    the policy mounts something else (an installation below ``/work``) are moved aside, which virtual
    environments bear: mounting them there would make folders in what the policy mounted.

    Attributes:
        folders: the path inside, by the path outside.
        package: folder that holds the package ``sundbench``, inside.
    """

    folders: dict[Path, Path]
    package: Path

    @classmethod
    def under(cls, places: Sequence[str]) -> Self:
        """See the interpreter from a sandbox.

        Args:
            places: where its policy mounts folders of the host.
        """
        package = Path(__file__).resolve().parents[1]
        outside = {Path(sys.prefix), Path(sys.base_prefix), package}
        outside = {f for f in outside if not any(f != other and f.is_relative_to(other) for other in outside)}
        folders = {}
        for folder in sorted(outside):
            if folder.is_relative_to("/usr"):
                continue
            taken = any(folder.is_relative_to(place) for place in places)
            folders[folder] = Path(_ELSEWHERE, *folder.parts[1:]) if taken else folder
        holder = next(
            (folders[f] / package.relative_to(f) for f in folders if package.is_relative_to(f)), package
        )
        return cls(folders, holder.parent)

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which programs find this Python and the package."""
        variables = {"PATH": f"{self.inside(f'{sys.prefix}/bin')}:/usr/local/bin:/usr/bin:/bin"}
        if any(outside != inside for outside, inside in self.folders.items()):
            variables["PYTHONPATH"] = str(self.package)  # an editable installation names the path outside
        return variables

    def inside(self, path: str) -> str:
        """A path of the host as the sandbox has it; those that are not of this Python stay as they are."""
        for outside, inside in self.folders.items():
            if Path(path).is_relative_to(outside):
                return str(inside / Path(path).relative_to(outside))
        return path
