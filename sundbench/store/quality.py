"""A freeze's data-quality report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sundbench.registers.catalogue import Catalogue
from sundbench.store.buckets import Tally


def write_quality(
    folder: Path,
    manifest: Mapping[str, Any],
    tallies: Mapping[str, Tally],
    catalogue: Catalogue,
    before: Mapping[str, Any] | None,
) -> dict[str, str]:
    """Write quality.json."""
    content = json.dumps(
        {
            "freeze": manifest["freeze"],
            "registers": {
                n: {"rows": t.rows, "months": dict(sorted(t.months.items()))} for n, t in tallies.items()
            },
        }
    ).encode()
    (folder / "quality.json").write_bytes(content)
    return {"quality.json": hashlib.sha256(content).hexdigest()}
