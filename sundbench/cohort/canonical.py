"""The one spelling of a protocol, for digests: equal protocols give equal text, whatever made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel


def plain(value: object) -> Any:  # noqa: ANN401 - what JSON holds
    """A value as JSON holds it: dataclasses and models by name and fields, mappings as pairs in order.

    Raises:
        TypeError: a value that no protocol holds; a bug.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "is": type(value).__name__,
            **{field.name: plain(getattr(value, field.name)) for field in fields(value)},
        }
    if isinstance(value, BaseModel):
        return {"is": type(value).__name__, **value.model_dump(mode="json")}
    if isinstance(value, Mapping):
        return [[key, plain(item)] for key, item in value.items()]
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no part of a protocol: {type(value).__name__}")


def text(value: object) -> str:
    """The one spelling."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: object) -> str:
    """SHA-256 of the one spelling."""
    return hashlib.sha256(text(value).encode()).hexdigest()
