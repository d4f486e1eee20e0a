"""What the user reads of a server that is Slurm's job."""

from __future__ import annotations

from sundbench.hub.refusal import Refused
from sundbench.registers.catalogue import Text
from sundbench.slurm.jobs import State
from sundbench.slurm.words import how_ended, why_waiting


def waits(state: State) -> Text:
    """That the job waits, and why."""
    why = why_waiting(state)
    return Text(
        da=f"Serveren venter i klyngens kø: {why.da}.",
        en=f"The server waits in the cluster's queue: {why.en}.",
    )


def stopped(state: State) -> Text:
    """How a server ended that had been up."""
    how = how_ended(state)
    return Text(da=f"Serveren standsede: {how.da}.", en=f"The server stopped: {how.en}.")


def too_early(state: State) -> Refused:
    """The job has ended before its server was up."""
    how = how_ended(state)
    return Refused(
        "ended",
        da=f"Serveren standsede, før den var klar: {how.da}. Prøv igen, og sig det ellers til driften.",
        en=f"The server stopped before it was ready: {how.en}. Try again; or tell the operator.",
        status=500,
    )


def no_room() -> Refused:
    """The disk that jobs are told through is full."""
    return Refused(
        "disk",
        da="Serveren kan ikke startes, for en disk er fuld. Sig det til driften.",
        en="The server can't be started, because a disk is full. Tell the operator.",
        status=503,
    )


def silent() -> Refused:
    """Slurm doesn't answer."""
    return Refused(
        "cluster",
        da="Serveren kan ikke startes, for klyngen svarer ikke lige nu. Prøv igen om lidt.",
        en="The server can't be started, because the cluster doesn't answer just now. Try again in a while.",
        status=503,
    )
