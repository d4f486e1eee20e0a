"""What a job was given, as the limits of the sandbox in it."""

from __future__ import annotations

from sundbench.release.cluster.letter import Resources
from sundbench.sandbox.policy import Limits, Policy

OWN_MEMORY = 512 * 2**20
"""Bytes of a job's memory that its program outside the sandbox needs."""


def fitted(policy: Policy, resources: Resources) -> Policy:
    """A policy with the limits of a job: what the job was given, and never more than the policy says."""
    most = policy.limits
    limits = {
        **most.model_dump(),
        "memory": min(most.memory, int(resources.memory) - OWN_MEMORY),
        "cores": min(most.cores, resources.cores),
    }
    return policy.model_copy(update={"limits": Limits.model_validate(limits)})
