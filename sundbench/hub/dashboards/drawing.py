"""From a report's notebook to its page: executed and rendered by Voila, then read before it is shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from voila.configuration import VoilaConfiguration
from voila.notebook_renderer import NotebookRenderer

from sundbench.errors import ReleaseError
from sundbench.hub.dashboards.kernels import kernel
from sundbench.hub.dashboards.offers import Offer
from sundbench.release.report import NOTEBOOK, filters, resources
from sundbench.release.selfcontained import asking
from sundbench.sandbox.policy import Policy
from sundbench.site import Site

TEMPLATE = "dashboard"


class _Renderer(NotebookRenderer):  # type: ignore[misc]
    """Voila's, reading the one notebook that the server has chosen."""

    async def load_notebook(self, path: str) -> nbformat.NotebookNode:
        """Read it, without what its metadata says of kernels and templates."""
        notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata = nbformat.from_dict({"kernelspec": spec})  # type: ignore[no-untyped-call]
        return notebook


@dataclass(frozen=True)
class Studio:
    """What drawing needs, whatever the dashboard.

    Attributes:
        site: the installation.
        reports: the folder of reports.
        templates: the folder of Voila's template.
        policy: what kernels may see and use.
        folder: where kernels' sockets are made.
        configuration: Voila's, with its overrides locked.
        config: of the executor.
        home: the address of the list of dashboards.
        seconds: how long a drawing may take.
    """

    site: Site
    reports: Path
    templates: Path
    policy: Policy
    folder: Path
    configuration: VoilaConfiguration
    config: Any
    home: str
    seconds: float

    async def draw(self, offer: Offer) -> str:
        """The page of a dashboard.

        Raises:
            ReleaseError: the release is not as it was released, or the page would ask for something from
                outside.
            SandboxError: the kernel's sandbox can't be made.
            TimeoutError: it takes too long.
            Exception: whatever went wrong in the notebook; not for a reader's eyes.
        """
        opened = await asyncio.to_thread(offer.open, self.site)
        renderer = _Renderer(
            voila_configuration=self.configuration,
            traitlet_config=self.config,
            notebook_path=str(offer.folder / NOTEBOOK),
            template_paths=[str(self.templates), str(self.reports)],
            base_url=self.home,
            page_config={},
        )
        await renderer.initialize()
        given = resources(offer.about, opened, self.reports) | {"home": self.home}
        renderer.resources.update(given)
        for name, function in filters().items():
            renderer.exporter.register_filter(name, function)
        limit = asyncio.timeout(self.seconds)
        try:
            async with limit, kernel(self.policy, opened.folder, self.folder) as manager:
                page: str = await renderer.generate_content_str(TEMPLATE, manager)
        except Exception:
            if limit.expired():  # nbclient takes it for the kernel's death
                raise TimeoutError from None
            raise
        what = asking(page, str(given["script"]), leads_to=self.home)
        if what is not None:
            raise ReleaseError(
                f"dashboard {offer.about.id}: its page holds {what}, which asks for or runs what it may not"
            )
        return page
