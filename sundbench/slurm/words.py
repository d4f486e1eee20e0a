"""What became of a job, in words for the person whose job it was."""

from __future__ import annotations

from sundbench.registers.catalogue import Text
from sundbench.slurm.jobs import GONE, State

_WAITS = {
    "": Text(da="klyngen har ikke set på jobbet endnu", en="the cluster hasn't looked at the job yet"),
    "Priority": Text(da="andres job er foran i køen", en="other jobs are before it in the queue"),
    "Resources": Text(
        da="der er ikke ledige kerner eller hukommelse nok lige nu",
        en="there are not enough free cores or memory right now",
    ),
    **dict.fromkeys(
        # The same in one word, and in the whole sentence of which this is the beginning.
        ("ReqNodeNotAvail", "Nodes required for job are DOWN"),
        Text(
            da="de maskiner, der kunne køre jobbet, er ude af drift",
            en="the nodes that could run the job are out of service",
        ),
    ),
    "PartitionDown": Text(da="klyngens kø er lukket", en="the cluster's partition is closed"),
    "PartitionTimeLimit": Text(
        da="jobbet beder om mere tid, end køen giver: sig det til driften",
        en="the job asks for more time than the partition gives: tell the operator",
    ),
    "PartitionConfig": Text(
        da="klyngens kø tager ikke imod jobbet: sig det til driften",
        en="the cluster's partition doesn't take the job: tell the operator",
    ),
    "Licenses": Text(da="der mangler en ledig licens", en="a licence isn't free"),
}
_LIMITS = Text(
    da="projektet bruger allerede alt, hvad det må bruge på én gang",
    en="the project already uses all that it may use at once",
)
_HELD = Text(
    da="driften holder jobbet tilbage: sig det til driften",
    en="the operator holds the job back: tell the operator",
)
_UNTOLD = Text(da="klyngen siger ikke hvorfor", en="the cluster doesn't say why")

_ENDED = {
    "CANCELLED": Text(da="jobbet blev annulleret på klyngen", en="the job was cancelled on the cluster"),
    "TIMEOUT": Text(da="jobbet nåede sin tidsgrænse", en="the job reached its time limit"),
    "DEADLINE": Text(da="jobbet nåede sin tidsgrænse", en="the job reached its time limit"),
    "OUT_OF_MEMORY": Text(
        da="jobbet brugte mere hukommelse, end det fik", en="the job used more memory than it was given"
    ),
    "NODE_FAIL": Text(da="maskinen, som jobbet kørte på, gik ned", en="the node that it ran on went down"),
    "BOOT_FAIL": Text(
        da="maskinen, som jobbet skulle køre på, startede ikke",
        en="the node that it was to run on didn't start",
    ),
    "PREEMPTED": Text(da="et vigtigere job tog dets plads", en="a more important job took its place"),
    "REVOKED": Text(da="jobbet blev annulleret på klyngen", en="the job was cancelled on the cluster"),
    "FAILED": Text(da="jobbet endte med en fejl", en="the job ended with an error"),
    "LAUNCH_FAILED": Text(
        da="jobbet kunne ikke startes på maskinen", en="the job could not be started on its node"
    ),
    "COMPLETED": Text(da="jobbet er slut", en="the job has ended"),
    GONE: Text(
        da="jobbet er slut, og klyngen husker ikke længere hvordan",
        en="the job has ended, and the cluster doesn't remember how",
    ),
}


def why_waiting(state: State) -> Text:
    """Why a job hasn't begun."""
    reason = state.reason.partition(",")[0]
    if reason.startswith("Nodes required for job are DOWN"):  # once it has looked again, Slurm spells it out
        reason = "ReqNodeNotAvail"
    if reason in _WAITS:
        return _WAITS[reason]
    if reason.startswith(("Assoc", "QOS", "MaxJobs", "MaxCpu", "MaxMem", "MaxNode")):
        return _LIMITS
    return _HELD if reason.startswith("JobHeld") else _UNTOLD


def how_ended(state: State) -> Text:
    """How a job ended."""
    unknown = Text(da=f"jobbet endte som {state.name}", en=f"the job ended as {state.name}")
    return _ENDED.get(state.name.partition(" ")[0], unknown)
