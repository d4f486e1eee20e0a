"""What the sections of the operator's settings are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(KiB|MiB|GiB|TiB)")


def _bytes(value: object) -> object:
    """Read ``"4 GiB"`` as bytes; whole numbers are bytes already."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(f"write a size as a number and one of {', '.join(_UNITS)}, such as 4 GiB")
    return int(float(match[1]) * _UNITS[match[2]])


Size = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
"""Bytes; written as ``"512 MiB"``."""
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A section: what it doesn't know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
