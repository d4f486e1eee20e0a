"""The kernelspecs of one server: what its launcher shows, and which kernels it may ask its broker for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sundbench.hub.assignment import Assignment
from sundbench.hub.broker.offers import KERNELSPEC, POLICY, Offer

PROVISIONER = "sundbench-broker"
"""The name of `sundbench.hub.provisioner.BrokerProvisioner` among jupyter_client's provisioners."""


def write(folder: Path, offers: Mapping[str, Offer], assignment: Assignment) -> Path:
    """Write a folder of kernelspecs.

    Their command starts nothing: the broker has its own. Their metadata has, under ``sundbench``, what a page
    needs to tell register data from synthetic: ``data``, ``names`` by language, ``project`` and ``title``.

    Args:
        folder: made here; one folder a kernel will be in it.
        offers: the kernels that the server may start.
        assignment: the server's.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True)
    for offer in offers.values():
        kernel = folder / offer.name
        kernel.mkdir()
        spec = _of_project(
            json.loads((offer.folder / KERNELSPEC).read_text(encoding="utf-8")), assignment.permit
        )
        spec["argv"] = ["false"]
        spec["metadata"]["sundbench"] |= {
            "project": assignment.permit,
            "title": assignment.title.model_dump(),
        }
        spec["metadata"]["kernel_provisioner"] = {
            "provisioner_name": PROVISIONER,
            "config": {"policy": offer.name},
        }
        (kernel / KERNELSPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False), encoding="utf-8")
        for file in offer.folder.iterdir():
            if file.is_file() and file.name not in {KERNELSPEC, POLICY}:
                shutil.copyfile(file, kernel / file.name)
    return folder


def _of_project(value: Any, project: str) -> Any:  # noqa: ANN401 - JSON
    """The same with ``{project}`` filled in wherever a text has it."""
    if isinstance(value, str):
        return value.replace("{project}", project)
    if isinstance(value, dict):
        return {key: _of_project(item, project) for key, item in value.items()}
    return [_of_project(item, project) for item in value] if isinstance(value, list) else value
