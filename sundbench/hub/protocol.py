"""The version of the words in which hub and project servers' jobs speak to each other.

Servers outlive the hub's version (docs/operators.md, "A new version"). `PROTOCOL` is raised when what a job
of the version before says or expects is no longer understood: in its assignment and letter, at the hub's API,
at the audit's gateway and writer, or at the proxy. CHANGELOG.md then says that servers must end.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator

from sundbench.registers.catalogue import Text

PROTOCOL: Final = 1

ANOTHER: Final = Text(
    da="Den blev startet af en anden version af platformen, og det er ikke sikkert, at den kan tale med den, "
    "der kører nu. Gem dit arbejde, stop serveren, og start den igen.",
    en="It was started by another version of the platform, and may not be able to speak with the one that "
    "runs now. Save your work, stop the server, and start it again.",
)
"""What the user of a server reads whose job speaks another protocol."""


def _understood(protocol: int) -> int:
    if protocol != PROTOCOL:
        raise ValueError(
            f"the hub speaks protocol {protocol} and this version {PROTOCOL}: "
            "start the server anew from the hub"
        )
    return protocol


Spoken = Annotated[int, AfterValidator(_understood)]
"""The protocol of whoever wrote something down, where it is read by another version."""
