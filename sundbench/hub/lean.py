"""What the hub's programs need not import."""

from __future__ import annotations

import sys


def spare_grammar() -> None:
    """Keep out a grammar that jsonschema builds for a format (IRIs) that no schema of Jupyter's has.

    It takes as long as everything else that a server imports, where it is installed: our lock leaves it out,
    conda's packages bring it. Call it before Jupyter is imported.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # imports then fail, as documented
