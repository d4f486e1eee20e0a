"""A real JupyterHub on free ports, with projects, people of every role, and visitors who log in over HTTP.

JupyterHub's own mocks (``jupyterhub.tests.mocking``) don't fit: ``MockHub`` reads no configuration file,
empties its database at each start, brings an authenticator of its own and lives in the test's process.
What is tested here is that configuration, its authenticator and its spawner, and hubs that are killed and
find their servers again. In the place of ``MockSpawner`` stands the project's spawner with the job of
stand_in_job.py.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from sundbench.governance import database, people, permits
from sundbench.governance.models import PermitState, Role, now
from sundbench.governance.permit import parse
from sundbench.hub import passwords
from sundbench.site import Site

REPOSITORY = Path(__file__).resolve().parents[2]
STAND_IN = [sys.executable, str(Path(__file__).with_name("stand_in_job.py"))]

STAND_IN_ARGUMENTS = [*(f"--LocalSpawner.command={word}" for word in STAND_IN), "--ProjectSpawner.grace=3"]

PEOPLE = {
    "rikke": (Role.RESEARCHER,),
    "anders": (Role.ANALYST,),
    "vera": (Role.REVIEWER,),
    "sofie": (Role.STEWARD,),
    "palle": (Role.POLICYMAKER,),
    "ida": (Role.ADMIN,),
    "nobody": (),
    "tilde": (),
}
PERMITS = {
    "lung-cancer": ("rikke:researcher", "anders:analyst", "vera:reviewer"),
    "diabetes": ("anders:researcher",),
    "old-study": ("rikke:researcher",),
}


def permit_text(
    name: str,
    members: tuple[str, ...],
    expires: str = "2099-12-31",
    columns: str = '"atc"',
    title: str | None = None,
) -> str:
    """A small permit; members as ``user:role``."""
    titles = (
        {"da": f"Projekt {name}", "en": f"Project {name}"}
        if title is None
        else dict.fromkeys(("da", "en"), title)
    )
    written = ", ".join(f"{language} = {json.dumps(text)}" for language, text in titles.items())
    named = ", ".join('{{ user = "{}", role = "{}" }}'.format(*one.split(":")) for one in members)
    return f"""
id = "{name}"
title = {{ {written} }}
purpose = "To be tested."
basis = "None: invented."
members = [{named}]
period = {{ since = 2010-01-01, until = 2025-12-31 }}
expires = {expires}
population = {{ everyone = true }}
[registers]
lmdb = {{ columns = [{columns}] }}
"""


def amend(site: Site, name: str, members: tuple[str, ...], **changes: str) -> None:
    """Register a permit, or an amendment of it."""
    text = permit_text(name, members, **changes)
    with database.writing(site) as session:
        permits.register(session, parse(text, name), text, "sofie")


def close(site: Site, name: str) -> None:
    """Close a permit, as ``sundbench permit close`` does."""
    with database.writing(site) as session:
        record = permits.PermitRecord
        found = session.get(record, name)
        assert found is not None
        found.state, found.closed_at, found.closed_by = PermitState.CLOSED.value, now(), "sofie"
        found.closed_why = "the test says so"


def eventually(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is true, and give it; fail after so many seconds."""
    until = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.1)
    return answer


@dataclass
class Visitor:
    """Someone with a browser, over HTTP: keeps cookies, and sends the XSRF token along.

    Attributes:
        url: the hub's.
        host: the root of the host with the person's servers; empty where it is the hub's.
    """

    url: str
    user: str = ""
    session: requests.Session = field(default_factory=requests.Session)
    host: str = ""

    def __post_init__(self) -> None:
        self.host = self.host or self.url

    def get(self, path: str, **more: Any) -> requests.Response:
        """Look at a page; ``path`` is below the site's root."""
        return self.session.get(self.url + path.lstrip("/"), timeout=60, **more)

    def post(self, path: str, data: dict[str, str] | None = None, **more: Any) -> requests.Response:
        """Send a form of the hub's pages."""
        form = {"_xsrf": self.xsrf, **(data or {})}
        return self.session.post(self.url + path.lstrip("/"), data=form, timeout=60, **more)

    def api(self, method: str, path: str, json: Any = None, **more: Any) -> requests.Response:
        """Ask the hub's API as a page's script would."""
        headers = {"X-XSRFToken": self.xsrf, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        # Without a body the Python proxy would call it a form, and the hub would not know who asks.
        body = {} if json is None and method != "GET" else json
        address = f"{self.url}hub/api/{path}"
        answer = self.session.request(method, address, json=body, headers=headers, timeout=60, **more)
        assert not self.user or "Missing or invalid credentials" not in answer.text, "taken for a stranger"
        return answer

    @property
    def xsrf(self) -> str:
        """The token that belongs to the hub's cookie."""
        found = [
            cookie.value
            for cookie in self.session.cookies
            if cookie.name == "_xsrf" and cookie.path == "/hub/"
        ]
        return found[-1] or "" if found else ""

    def log_in(self, user: str, password: str) -> requests.Response:
        """Fill in the log-in page."""
        self.user = user
        self.get("hub/login")
        answer = self.post("hub/login", {"username": user, "password": password})
        self.get("hub/home")  # the XSRF token changes with the log-in
        return answer

    def start(self, project: str, *, wait: bool = True) -> requests.Response:
        """Press a project's start button, and wait until its server is up."""
        answer = self.post(f"hub/spawn/{self.user}/{project}")
        if wait and answer.ok:
            eventually(lambda: self.state(project) == "running", 120)
        return answer

    def stop(self, project: str) -> requests.Response:
        """Press its stop button."""
        return self.post(f"hub/stop/{self.user}/{project}")

    def server(
        self, method: str, project: str, path: str, json: Any = None, **more: Any
    ) -> requests.Response:
        """Ask a project's server as JupyterLab does; ``path`` is below the server's root."""
        place = f"/user/{self.user}/{project}/"
        if not any(one.path == place for one in self.session.cookies):
            # Logs in with the server by way of the hub.
            self.session.get(f"{self.host}{place[1:]}lab", timeout=60)
        token = next(
            (one.value for one in self.session.cookies if (one.name, one.path) == ("_xsrf", place)), ""
        )
        headers = {"X-XSRFToken": token or "", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        address = f"{self.host}{place[1:]}{path}"
        body = {} if json is None and method not in {"GET", "DELETE"} else json
        return self.session.request(method, address, json=body, headers=headers, timeout=90, **more)

    def kernel(self, project: str, name: str = "register-data") -> Kernel:
        """Open a kernel; its server must be up."""
        answer = self.server("POST", project, "api/kernels", {"name": name})
        assert answer.status_code == 201, answer.text
        return Kernel(self, project, answer.json()["id"])

    def state(self, project: str) -> str:
        """What the home page says of a project's server."""
        page = self.get("hub/home").text
        found = re.search(rf'id="project-{project}" data-state="(\w+)"', page)
        return found[1] if found else "absent"


@dataclass
class Kernel:
    """A kernel that a visitor has open in a project's server."""

    visitor: Visitor
    project: str
    id: str

    def run(self, code: str, seconds: float = 60) -> str:
        """Execute a cell as JupyterLab does.

        Returns:
            What it printed and what it came to; an error as ``Name: message``.
        """
        return "".join(text for message in self.messages(code, seconds) if (text := _shown(message)))

    def messages(self, code: str, seconds: float = 60) -> list[dict[str, Any]]:
        """Execute a cell; all that came back through its socket until the kernel was idle again."""
        channel = self.connect()
        try:
            channel.settimeout(seconds)
            sent = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
            header = {**sent, "session": uuid.uuid4().hex, "username": self.visitor.user, "date": ""}
            content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
            channel.send(json.dumps({**message, "channel": "shell", "buffers": []}))
            came: list[dict[str, Any]] = []
            while True:
                one = json.loads(channel.recv())
                if one["parent_header"].get("msg_id") != sent["msg_id"]:
                    continue
                came.append(one)
                if one["msg_type"] == "status" and one["content"]["execution_state"] == "idle":
                    return came
        finally:
            channel.close()

    def connect(self) -> websocket.WebSocket:
        """Open the kernel's socket."""
        base = f"{self.visitor.host}user/{self.visitor.user}/{self.project}/"
        request = requests.Request("GET", base)
        cookies = self.visitor.session.prepare_request(request).headers.get("Cookie", "")
        return websocket.create_connection(
            base.replace("http", "ws", 1) + f"api/kernels/{self.id}/channels",
            cookie=cookies,
            origin=self.visitor.host.rstrip("/"),
            timeout=60,
            sslopt={"ca_certs": os.environ.get("REQUESTS_CA_BUNDLE")},
        )


def _shown(message: dict[str, Any]) -> str:
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            return str(content["text"])
        case "execute_result":
            return str(content["data"].get("text/plain", ""))
        case "error":
            return f"{content['ename']}: {content['evalue']}"
    return ""


@dataclass
class Platform:
    """One installation with its hub at work.

    Attributes:
        site: the installation; tests change governance's database through it.
        url: ends with a slash.
        passwords: by user.
        hub, writer: the processes; a test may kill them.
    """

    site: Site
    url: str
    passwords: dict[str, str]
    environment: dict[str, str]
    command: list[str]
    hub: subprocess.Popen[bytes] | None = None
    writer: subprocess.Popen[bytes] | None = None

    def host(self, user: str) -> str:
        """The root of the host that a person's servers are on."""
        return self.url

    def add_project(self, permit: str, members: tuple[str, ...]) -> None:
        """Register a permit, and give it data."""
        amend(self.site, permit, members)
        add_data(self.site, permit)

    def give_password(self, user: str) -> None:
        """Let somebody log in. A try costs the hub little, which would otherwise hash half of the time."""
        self.passwords[user] = passwords.generate()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(passwords, "_N", 16)
            passwords.put(self.site, user, self.passwords[user])

    def visitor(self, user: str) -> Visitor:
        """Someone who has logged in."""
        visitor = Visitor(self.url)
        answer = visitor.log_in(user, self.passwords[user])
        assert answer.ok, answer.text
        return visitor

    def start_writer(self) -> None:
        """Start the audit log's writer, and wait for it."""
        from sundbench.governance.audit import client, places

        self.writer = self._start([sys.executable, "-m", "sundbench.governance.audit.writer"], "audit.log")

        def answers() -> bool:
            try:
                with client.Client(places.socket_path(self.site), places.authority(self.site)) as asked:
                    return bool(asked.state())
            except Exception:
                return False

        eventually(answers)

    def start_hub(self) -> None:
        """Start the hub, and wait until it answers through its proxy."""
        self.hub = self._start(self.command, "hub.log")
        eventually(self.answers, 120)

    def answers(self) -> bool:
        """Whether the hub is up."""
        assert self.hub is None or self.hub.poll() is None, self.log()
        try:
            return requests.get(f"{self.url}hub/health", timeout=10).ok
        except requests.RequestException:
            return False

    def log(self) -> str:
        """The last lines of the hub's log."""
        return "\n".join((self.site.hub / "logs" / "hub.log").read_text(encoding="utf-8").splitlines()[-60:])

    def records(self, **fields: str) -> list[dict[str, Any]]:
        """The audit log's records that have these values."""
        lines = [
            line
            for file in sorted(self.site.audit.glob("audit-*.jsonl"))
            for line in file.read_text().splitlines()
        ]
        found = [json.loads(line) for line in lines]
        return [one for one in found if all(one.get(name) == value for name, value in fields.items())]

    def given(self) -> dict[str, str]:
        """What a stand-in was given: environment and audit secret of the server started last."""
        files = sorted(self.site.runtime.glob("s/*/given.json"), key=lambda file: file.stat().st_mtime_ns)
        return dict(json.loads(files[-1].read_text(encoding="utf-8")))

    def kill(self, which: str) -> None:
        """SIGKILL to ``hub`` or ``writer``."""
        process = getattr(self, which)
        process.kill()
        process.wait()

    def end(self) -> None:
        """Stop everything that was started here."""
        from sundbench.hub.supervisor import table

        for process in (self.hub, self.writer):
            if process is not None and process.poll() is None:
                process.terminate()
        table.end(table.jobs(self.site), 5)
        for process in (self.hub, self.writer):
            if process is not None:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
        table.end(table.strays(self.site), 3)

    def _start(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        logs = self.site.hub / "logs"
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (logs / log).open("ab") as out:
            return subprocess.Popen(
                command,
                env=self.environment,
                stdout=out,
                stderr=out,
                cwd=self.site.hub,
                start_new_session=True,
            )


def free_ports(wanted: int) -> list[int]:
    """Ports that nobody listens at, and that nobody else is given until somebody does.

    A hub listens seconds after its ports were chosen, and again when it was killed. So they lie below those
    that the system gives to whoever asks for any, and each worker of a run of tests has its own.
    """
    return list(islice(filter(_is_free, _own_ports), wanted))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("", port))
        return True
    return False


def _ports_of(worker: int, many: int = 1000) -> Iterator[int]:
    """A worker's ports, over and over; from anywhere on, since another run of tests may go on beside this."""
    first, begin = 10_000 + worker % 20 * many, secrets.randbelow(many)
    return (first + (begin + number) % many for number in count())


_own_ports = _ports_of(int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


def make_site(root: Path, settings: str = "", database_url: str = "") -> Site:
    """An installation with people, permits and settings, and nothing started."""
    site = Site(root, database_url or f"sqlite:///{root / 'sundbench.db'}")
    with database.writing(site) as session:
        for user, roles in PEOPLE.items():
            people.add(session, user, user.title(), roles)
    for name, members in PERMITS.items():
        amend(site, name, members, expires="2024-01-31" if name == "old-study" else "2099-12-31")
    site.hub.mkdir(parents=True, mode=0o700, exist_ok=True)
    port, proxy, hub, dashboards = free_ports(4)
    (site.hub / "settings.toml").write_text(
        f"[hub]\nport = {port}\nproxy_port = {proxy}\nhub_port = {hub}\nstarts_at_once = 2\n"
        f"[dashboards]\nenabled = false\nport = {dashboards}\n{settings}",
        encoding="utf-8",
    )
    return site


def make_platform(root: Path, arguments: list[str], settings: str = "", database_url: str = "") -> Platform:
    """An installation with its hub's command; started by `Platform.start_writer` and `Platform.start_hub`."""
    from sundbench.hub.settings import read
    from sundbench.hub.supervisor.table import MARK

    site = make_site(root, settings, database_url)
    environment = {
        **os.environ,
        "SUNDBENCH_HOME": str(site.root),
        "SUNDBENCH_DATABASE": site.database_url,
        MARK: str(site.root),
        "PYTHONUNBUFFERED": "1",
    }
    config = REPOSITORY / "hub_config" / "jupyterhub_config.py"
    command = [sys.executable, "-m", "jupyterhub", "--config", str(config), *arguments]
    made = Platform(site, read(site).hub.url, {}, environment, command)
    for user in PEOPLE:
        made.give_password(user)
    return made


def add_data(site: Site, permit: str, persons: int = 60) -> None:
    """Give a permit data that pass for its extract, and synthetic ones; both invented."""
    from sundbench.release.synthetic_extract import synthetic_extract

    made = synthetic_extract(site, permit, persons=persons, seed=1, analyses=site.root)
    folder = site.extracts / permit / "tested"
    shutil.copytree(made.path, folder)
    about = folder / "extract.json"
    content = {**json.loads(about.read_text()), "freeze": "tested", "digest": "0" * 63 + "1"}
    del content["synthetic"]
    about.chmod(0o644)
    about.write_text(json.dumps(content))


@contextmanager
def at_work(made: Platform) -> Iterator[None]:
    """Start a platform; afterwards nothing of it is left, its folder included."""
    try:
        made.start_writer()
        made.start_hub()
        yield
    finally:
        made.end()
        shutil.rmtree(made.site.runtime, ignore_errors=True)
        shutil.rmtree(made.site.root, ignore_errors=True)


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The whole platform, with real servers, brokers and sandboxes; lung-cancer and diabetes have data."""
    made = make_platform(Path(tempfile.mkdtemp(prefix="sb-real-")), [])
    for permit in ("lung-cancer", "diabetes"):
        add_data(made.site, permit)
    with at_work(made):
        yield made


@pytest.fixture(scope="session")
def stand_in_platform() -> Iterator[Platform]:
    """A hub whose servers are stand-ins of a hundred lines: for what the hub alone decides."""
    platform = make_platform(Path(tempfile.mkdtemp(prefix="sb-hub-")), STAND_IN_ARGUMENTS)
    with at_work(platform):
        yield platform
