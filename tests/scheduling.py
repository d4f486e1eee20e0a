"""Which of several workers runs what (``pytest -n``).

Most of the hub's tests wait: for processes that start, for Slurm, for a browser. The others compute. So there
are more workers than cores, all but one begin with those that wait, what takes longest first, and one begins
with those that compute: the cores have work all the time, and no long file is left for the end.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

TOGETHER = ("tests/acceptance/",)
"""Folders that one worker runs whole: their files share what takes longest to make."""

WAITING = (
    "tests/operations/",
    "tests/hub/whole/",
    "tests/hub/slurm/",
    "tests/release/cluster/",
    "tests/acceptance/",
    "tests/hub/browser/",
    "tests/hub/attacks_http/",
    "tests/hub/test_survival.py",
    "tests/hub/attacks/",
    "tests/hub/database/",
    "tests/hub/dashboards/",
    "tests/hub/proxy/",
    "tests/hub/oidc/",
    "tests/hub/supervisor/",
    "tests/hub/",
    "tests/cohort/slurm/",
    "tests/slurm/",
)
"""What waits more than it computes; what takes longest first."""


class Scheduling(LoadFileScheduling):
    """Hands out files, and folders that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        whole = (folder for folder in TOGETHER if nodeid.startswith(folder))
        return next(whole, super()._split_scope(nodeid))

    def _assign_work_unit(self, node: WorkerController) -> None:
        waiting = sorted((scope for scope in self.workqueue if scope.startswith(WAITING)), key=_turn)
        computing = [scope for scope in self.workqueue if not scope.startswith(WAITING)]
        queue = computing + waiting if node.gateway.id == "gw0" else waiting + computing
        self.workqueue.move_to_end(queue[0], last=False)
        super()._assign_work_unit(node)


def _turn(scope: str) -> int:
    return next(place for place, begins in enumerate(WAITING) if scope.startswith(begins))
