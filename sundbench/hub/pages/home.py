"""The home page: a user's projects, and the dashboards that the user may read."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from sundbench.governance.models import Role
from sundbench.hub import folders, rights
from sundbench.hub.deployment import deployment
from sundbench.hub.folders import DataState
from sundbench.hub.pages.navigation import Navigated
from sundbench.hub.server_job import kept_words
from sundbench.hub.told import standing
from sundbench.registers.catalogue import Text

_MONTHS = {
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "en": "January February March April May June July August September October November December",
}


@dataclass(frozen=True)
class Card:
    """A project as the home page shows it.

    Attributes:
        project: the user's project.
        expires: its last day, written out by language.
        server: ``running``, ``starting``, ``stopping`` or ``stopped``.
        data: whether the project's extract can be used.
        freeze: the extract's data version.
        notice: what its user should do about the running server, where there is something.
    """

    project: rights.Project
    expires: dict[str, str]
    server: str
    data: DataState
    freeze: str | None
    notice: Text | None


class HomeHandler(Navigated, BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """The user's projects, and the dashboards that the user may read."""

    @web.authenticated
    async def get(self) -> None:
        """Show them."""
        user = self.current_user
        now = await standing()
        for spawner in list(user.spawners.values()):
            if spawner.ready:  # notice now what has ended by itself
                await spawner.poll_and_notify()
        cards = [await asyncio.to_thread(_card, now, project, user) for project in now.projects(user.name)]
        groups, held = now.groups(user.name), now.people.get(user.name, frozenset())
        self.finish(
            await self.render_template(
                "home.html",
                cards=cards,
                reads=rights.POLICYMAKERS in groups,
                reviews=Role.REVIEWER in held,
                keeps=Role.STEWARD in held,
                administers=rights.ADMINISTRATORS in groups,
            )
        )


def _card(now: rights.Standing, project: rights.Project, user: Any) -> Card:
    registered = next(one for one in now.permits if one.permit.id == project.id)
    found = folders.data(deployment().site, registered)
    spawner, state = user.spawners.get(project.id), server_state(user, project.id)
    notice = spawner.notice if state == "running" else None
    return Card(project, written(project.expires), state, found.state, found.freeze, notice)


def server_state(user: Any, name: str) -> str:
    """What a user's server of that name does, in a word."""
    spawner = user.spawners.get(name)
    if spawner is None or not spawner.active:
        return "stopped"
    if spawner.pending == "check" and not spawner.server.port:  # it was starting when another hub was killed
        return "starting"
    return {"spawn": "starting", "stop": "stopping"}.get(spawner.pending, "running")


def last_words(user: Any) -> dict[str, Text]:
    """How a user's last servers ended, by project, where there is something to say."""
    ended = {}
    for project, kept in {} if user is None else user.orm_spawners.items():
        spawner = user.spawners.get(project)  # only of servers that this hub has had to do with
        ended[project] = kept_words(kept.state) if spawner is None else spawner.last_words
    return {project: said for project, said in ended.items() if said is not None}


def written(day: date) -> dict[str, str]:
    """A date as people write it, by language."""
    month = {language: names.split()[day.month - 1] for language, names in _MONTHS.items()}
    return {"da": f"{day.day}. {month['da']} {day.year}", "en": f"{day.day} {month['en']} {day.year}"}
