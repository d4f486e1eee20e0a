"""The dashboards as policymakers and others meet them: a real hub, a real Voila, real sandboxes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit

import pytest
import requests

from sundbench.release.selfcontained import asking
from tests.hub.dashboards.conftest import RELEASE, REPORT, put_release
from tests.hub.installation import REPOSITORY, Platform, Visitor, eventually

SERVICE = "services/dashboards/"

Open = Callable[..., requests.Response]


def opened(visitor: Visitor, name: str, seconds: float = 90, **more: object) -> requests.Response:
    """Open a dashboard as a browser does, which follows the waiting page."""
    until = time.monotonic() + seconds
    while (answer := visitor.get(SERVICE + name, **more)).status_code == 202:
        assert 'http-equiv="refresh"' in answer.text
        assert time.monotonic() < until
        time.sleep(0.3)
    return answer


def refusal(answer: requests.Response) -> str:
    """What a refusal says; empty if it is none."""
    return answer.text if answer.status_code == 403 else ""


@pytest.fixture(scope="session")
def palle(dashboards: Platform) -> Visitor:
    """The policymaker."""
    return dashboards.visitor("palle")


@pytest.fixture(scope="session")
def shown(palle: Visitor) -> requests.Response:
    """The report's dashboard."""
    return opened(palle, REPORT)


def test_a_policymaker_sees_the_numbers_of_the_release(shown: requests.Response):
    assert shown.status_code == 200
    text = shown.text.replace("\u00a0", " ")
    assert "Et vundet leveår med pembrolizumab koster omkring 485.000 kr." in text
    assert "A life-year gained with pembrolizumab costs about DKK 485,000." in text
    assert RELEASE in text
    assert shown.headers["Cache-Control"] == "no-store"


def test_its_page_asks_for_nothing(shown: requests.Response):
    script = (REPOSITORY / "reports" / "theme" / "switch.js").read_text(encoding="utf-8").strip()
    assert asking(shown.text, script, leads_to="/services/dashboards/") is None
    policy = shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "def headline" not in shown.text  # the code stays where it is


def test_the_way_leads_from_the_home_page_over_the_list_to_the_dashboard(palle: Visitor):
    home = palle.get("hub/home").text
    assert 'href="/services/dashboards/"' in home
    index = palle.get(SERVICE)
    assert index.status_code == 200
    assert f'href="/services/dashboards/{REPORT}"' in index.text
    assert "Hvad koster et vundet leveår?" in index.text
    assert "What does a life-year gained cost?" in index.text
    assert "unreleased_report" not in index.text
    addresses = re.findall(r'(?:href|src)="([^"]+)"', index.text)
    assert addresses
    assert all(urlsplit(one).netloc == "" for one in addresses)
    for one in addresses:
        if "sundbench/" in one:
            assert palle.get(one).status_code == 200, one


def test_opening_is_recorded_in_the_readers_name(dashboards: Platform, shown: requests.Response):
    (first, *_) = dashboards.records(action="dashboard.open", object=REPORT)
    assert first["actor"] == "palle"
    assert first["detail"]["release"] == RELEASE


@pytest.mark.parametrize("user", ["rikke", "anders", "vera", "sofie", "ida", "nobody"])
def test_others_are_refused(dashboards: Platform, user: str):
    visitor = dashboards.visitor(user)
    for address in (SERVICE, SERVICE + REPORT, SERVICE + "api/kernels"):
        answer = visitor.get(address)
        assert answer.status_code == 403, address
        assert "485" not in answer.text
        assert urlsplit(answer.url).path.startswith("/hub/")  # the hub gives them no log-in for the service
    assert eventually(lambda: dashboards.records(action="hub.refused", actor=user))
    assert SERVICE not in visitor.get("hub/home").text


def test_strangers_are_led_to_the_log_in(dashboards: Platform):
    for address in (SERVICE, SERVICE + REPORT):
        answer = requests.get(dashboards.url + address, timeout=30)
        assert urlsplit(answer.url).path == "/hub/login"


def test_who_loses_the_role_is_out_within_seconds(dashboards: Platform):
    from sundbench.governance import database, people
    from sundbench.governance.models import Role
    from sundbench.hub import passwords

    def put(*roles: Role) -> None:
        with database.writing(dashboards.site) as session:
            people.add(session, "petra", "Petra", roles)

    put(Role.POLICYMAKER)
    passwords.put(dashboards.site, "petra", "a password of hers")
    petra = Visitor(dashboards.url)
    petra.log_in("petra", "a password of hers")
    assert petra.get(SERVICE).status_code == 200
    put(Role.REVIEWER)
    said = eventually(lambda: refusal(petra.get(SERVICE)))
    assert "Dashboards are for policymakers" in said
    assert "Dashboards er for beslutningstagere" in said
    assert eventually(lambda: dashboards.records(action="dashboard.refused", actor="petra"))


@pytest.mark.parametrize(
    "address",
    [
        "unreleased_report",
        "no_such_report",
        "theme",
        f"{REPORT}/dashboard.ipynb",
        f"{REPORT}/report.toml",
        f"../{REPORT}",
        f"%2e%2e/{REPORT}",
        f"..%2f..%2f{REPORT}",
        f"{REPORT}%00",
        f"{REPORT}/",
        f"//{REPORT}",
        RELEASE,
        "api/kernels",
        "api/kernelspecs",
        "api/kernels/12345678-1234-1234-1234-123456789012/channels",
        "api/contents",
        "api/status",
        "voila/tree",
        f"voila/render/{REPORT}/dashboard.ipynb",
        f"voila/files/{REPORT}/dashboard.ipynb",
        "voila/api/contents",
        "voila/static/voila.js",
        "voila/templates/lab/static/index.css",
        "voila/api/shutdown/12345678-1234-1234-1234-123456789012",
        "files/etc/passwd",
        "static/favicon.ico",
        "metrics",
    ],
)
def test_nothing_else_has_an_address(dashboards: Platform, palle: Visitor, address: str):
    request = requests.Request("GET", dashboards.url)
    prepared = palle.session.prepare_request(request)
    prepared.url = f"{dashboards.url}{SERVICE}{address}"  # requests would tidy the path up
    answer = palle.session.send(prepared, timeout=30)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("address", ["", REPORT, "api/kernels", "voila/api/shutdown/x"])
def test_nothing_takes_anything(dashboards: Platform, palle: Visitor, method: str, address: str):
    answer = palle.session.request(method, f"{dashboards.url}{SERVICE}{address}", timeout=30, data="{}")
    assert answer.status_code in {403, 405}


def test_no_socket_is_opened(dashboards: Platform, palle: Visitor):
    import websocket

    address = dashboards.url.replace("http", "ws", 1) + SERVICE
    cookies = palle.session.prepare_request(requests.Request("GET", dashboards.url + SERVICE)).headers[
        "Cookie"
    ]
    for path in ("api/kernels/12345678-1234-1234-1234-123456789012/channels", REPORT):
        with pytest.raises(websocket.WebSocketException):
            websocket.create_connection(address + path, cookie=cookies, timeout=20)


def test_its_kernel_sees_the_release_and_nothing_else(dashboards: Platform, palle: Visitor):
    answer = opened(palle, "prying_report", headers={"X-Custom-Secret": "in-a-header"})
    assert answer.status_code == 200, dashboards.log()
    said = [unescape(one) for one in re.findall(r"<p>([^<]*)</p>", answer.text)]

    def told(word: str) -> set[str]:
        return {one.removeprefix(f"{word} ") for one in said if one.startswith(f"{word} ")}

    names = told("environment")
    assert "SUNDBENCH_RELEASE" in names
    assert not {name for name in names if name.startswith(("JUPYTERHUB", "HTTP_", "SUNDBENCH_HOME"))}
    secrets = ("JUPYTERHUB", "TOKEN", "SUNDBENCH_H", "in-a-header", "KEY=")
    assert not [one for one in told("around") if any(secret in one for secret in secrets)]
    assert "data release.json" in said
    assert {"data icer.parquet", "data costs.parquet"} <= set(said)
    assert len(told("process")) <= 3
    assert "reached" not in said
    assert len(told("socket")) == 2
    assert told("opened") == set()
    assert len(told("refused")) == 3
    assert not told("seen") & {"/notebooks", "/outbox", "/report", "/srv", "/mnt"}


def test_an_extract_or_a_token_is_nowhere_in_what_was_drawn(dashboards: Platform, shown: requests.Response):
    assert str(dashboards.site.root) not in shown.text
    assert "JUPYTERHUB" not in shown.text


def test_templates_and_themes_stay_as_they_are(palle: Visitor, shown: requests.Response):
    answer = opened(palle, f"{REPORT}?template=lab&theme=dark&voila-template=lab")
    assert answer.text == shown.text
    # The notebook's own metadata asks for another template and another kernel.
    assert "jp-" not in opened(palle, "prying_report").text


@pytest.mark.parametrize("name", ["broken_report", "asking_report", "dying_report"])
def test_what_fails_is_told_in_two_languages_without_a_traceback(
    dashboards: Platform, palle: Visitor, name: str
):
    answer = opened(palle, name)
    assert answer.status_code == 500
    assert "Dashboardet kan ikke vises" in answer.text
    assert "can't be shown" in unescape(answer.text)
    for detail in ("Traceback", "ValueError", "secret detail", "elsewhere.example", "site-packages"):
        assert detail not in answer.text
    assert name in dashboards.log()


def test_a_policymakers_log_in_opens_nothing_else(dashboards: Platform, palle: Visitor):
    assert palle.post("hub/spawn/palle/lung-cancer").status_code == 403
    for method, path, body in (
        ("POST", "users/palle/servers/lung-cancer", {}),
        ("POST", "users/palle/tokens", {}),
        ("GET", "users", None),
        ("GET", "users/rikke", None),
        ("GET", "services", None),
        ("GET", "proxy", None),
        ("POST", "shutdown", {}),
    ):
        answer = palle.api(method, path, body)
        assert answer.status_code in {403, 404}, (path, answer.text)


def test_the_services_own_token_opens_nothing(dashboards: Platform):
    (environment,) = (
        dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)
        for text in environments()
        if f"SUNDBENCH_HOME={dashboards.site.root}\0" in text and "JUPYTERHUB_SERVICE_NAME=dashboards" in text
    )
    assert "SUNDBENCH_DATABASE" not in environment
    headers = {"Authorization": f"token {environment['JUPYTERHUB_API_TOKEN']}"}
    for method, path in (
        ("GET", "users"),
        ("GET", "users/palle"),
        ("POST", "users/palle/servers/lung-cancer"),
        ("POST", "users/palle/tokens"),
        ("GET", "proxy"),
        ("POST", "shutdown"),
    ):
        answer = requests.request(
            method, f"{dashboards.url}hub/api/{path}", headers=headers, json={}, timeout=30
        )
        assert answer.status_code in {403, 404}, path
    # Nor does it read a dashboard, in a header or in an address.
    token = environment["JUPYTERHUB_API_TOKEN"]
    for more in ({"headers": headers}, {"params": {"token": token}}):
        answer = requests.get(dashboards.url + SERVICE, timeout=30, allow_redirects=False, **more)
        assert answer.status_code in {302, 403}


def environments() -> list[str]:
    """The environments of every process that may be read."""
    from pathlib import Path

    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            found.append(file.read_text(errors="replace"))
        except OSError:
            continue
    return found


def test_the_newest_whole_release_is_shown_and_a_changed_one_is_not(dashboards: Platform, palle: Visitor):
    put_release(dashboards.site, "r20261124-partial", day=25, some=True)
    newer = put_release(dashboards.site, "r20261124-newer", day=24)
    assert "r20261124-newer" in palle.get(SERVICE).text

    file = newer / "icer.parquet"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b"x")
    answer = opened(palle, REPORT)
    assert answer.status_code == 500
    assert "Dashboardet kan ikke vises" in answer.text

    newer.chmod(0o755)
    (newer / "release.json").unlink()  # as where nothing was released
    assert RELEASE in palle.get(SERVICE).text


def test_at_most_so_many_are_opened_at_once(dashboards: Platform, palle: Visitor):
    from concurrent.futures import ThreadPoolExecutor

    from tests.hub.dashboards.conftest import SLOW

    with ThreadPoolExecutor(2) as pool:
        for answer in pool.map(lambda name: palle.get(SERVICE + name), SLOW):
            assert answer.status_code == 202
    answer = palle.get(SERVICE + REPORT)
    assert answer.status_code == 503
    assert "For mange" in answer.text or "for mange" in answer.text
    assert "Too many dashboards" in answer.text


def test_without_the_audit_log_nothing_is_opened_and_the_service_dies_with_its_hub(
    dashboards: Platform, palle: Visitor
):
    from sundbench.hub.settings import read

    dashboards.kill("hub")
    port = read(dashboards.site).dashboards.port

    def silent() -> bool:
        try:
            requests.get(f"http://127.0.0.1:{port}/", timeout=2)
        except requests.ConnectionError:
            return True
        return False

    eventually(silent)
    dashboards.start_hub()
    eventually(lambda: palle.get(SERVICE).status_code == 200)  # the log-in outlives the hub
    dashboards.kill("writer")
    try:
        answer = opened(palle, REPORT)
        assert answer.status_code == 503
        assert "audit log" in answer.text
    finally:
        dashboards.start_writer()
