"""batchspawner's Slurm spawner, without what lets a request or a user shape a job.

It would format shell commands and a script from its attributes and from ``user_options``, submit as the
person, and take over the person's shell files. Its states remain, and what it keeps of a job.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

from typing import Any, NoReturn

import batchspawner

from sundbench.hub.slurm.reports import take_away_batchspawners
from sundbench.slurm.accounts import name_of

take_away_batchspawners()


class HardenedSlurmSpawner(batchspawner.SlurmSpawner):  # type: ignore[misc]  # has no types
    """Begins nothing, asks nothing and ends nothing: its subclass does, without a shell."""

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Nothing of a person's account goes into a job."""
        return env

    def _req_username_default(self) -> str:
        return name_of(self.name)

    def _req_homedir_default(self) -> str:
        return "/"

    def get_req_subvars(self) -> dict[str, Any]:
        """Nothing is filled into a script."""
        return {}

    async def run_command(self, cmd: str, input: str | None = None, env: Any = None) -> NoReturn:  # noqa: A002
        """Refuse: nothing runs in a shell."""
        raise NotImplementedError("jobs are begun and ended by sundbench.slurm.gate alone")

    async def submit_batch_script(self) -> NoReturn:
        """Refuse: there is no script."""
        raise NotImplementedError("jobs are begun by sundbench.slurm.gate alone")

    async def create_certs(self) -> dict[str, str]:
        """None: JupyterHub's is one pair for all of a person's servers, made before a start is granted."""
        return {}
