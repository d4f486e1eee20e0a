"""The hub of a cluster: nobody comes to an inner port without a certificate; dashboards work behind them."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from certipy import Certipy

from sundbench.hub import audit_gateway, internal_tls
from sundbench.hub.settings import read
from tests.hub.installation import Platform, at_work, eventually, free_ports, make_platform

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandboxes")]


@pytest.fixture(scope="module")
def inner() -> Iterator[Platform]:
    """A hub with the slurm profile, whose jobs nobody starts here, and the audit log's gateway."""
    made = make_platform(Path(tempfile.mkdtemp(prefix="sb-inner-")), [])
    settings = made.site.hub / "settings.toml"
    (port,) = free_ports(1)
    settings.write_text(
        settings.read_text().replace("enabled = false", "enabled = true")
        + f'[site]\nprofile = "slurm"\n[slurm]\nhub_host = "127.0.0.1"\naudit_port = {port}\n'
    )
    with at_work(made):
        gateway = [made.command[0], "-m", "sundbench.hub.audit_gateway"]
        process = subprocess.Popen(gateway, env=made.environment)
        try:
            yield made
        finally:
            process.terminate()
            process.wait(10)


def test_no_inner_port_answers_without_a_certificate_of_an_inner_authority(inner: Platform):
    chosen = read(inner.site)
    others = Certipy(store_dir=tempfile.mkdtemp(prefix="others-", dir=inner.site.root))
    others.create_ca("others-ca")
    stranger = others.create_signed_pair("stranger", "others-ca")["files"]
    ports = {
        **{name: port for name, port in chosen.ports.items() if name != "hub.port"},
        "slurm.audit_port": chosen.slurm.audit_port,
    }
    assert len(ports) == 4
    for name, port in ports.items():
        for shown in (None, (stranger["cert"], stranger["key"])):
            eventually(lambda port=port: _answer(f"https://127.0.0.1:{port}/hub/api", None) is not None)
            assert _answer(f"https://127.0.0.1:{port}/hub/api", shown) == "hung up on", (name, shown)
        assert _answer(f"http://127.0.0.1:{port}/hub/api", None) == "hung up on", name
    store = Certipy(store_dir=str(audit_gateway.certificates(inner.site))).store
    job = store.get_record("hub-internal")["files"]
    answered = _answer(f"https://127.0.0.1:{chosen.hub.hub_port}/hub/api", (job["cert"], job["key"]))
    assert answered == "200", "and with one it does"


def _answer(url: str, shown: tuple[str, str] | None) -> str | None:
    """What a request came to; None where nobody listens."""
    try:
        return str(requests.get(url, cert=shown, verify=False, timeout=10).status_code)
    except (requests.exceptions.SSLError, requests.exceptions.ChunkedEncodingError):
        return "hung up on"
    except requests.ConnectionError as error:
        return None if "refused" in str(error) else "hung up on"


def test_no_public_authority_is_believed(inner: Platform):
    folder = audit_gateway.certificates(inner.site)
    files = Certipy(store_dir=str(folder)).store.get_record("hub-internal")["files"]
    bundle = folder / "hub-ca_trust.crt"
    for purpose in (ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH):
        made = internal_tls.context(files["key"], files["cert"], str(bundle), purpose=purpose)
        assert made is not None
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert {dict(part[0] for part in one["issuer"])["commonName"] for one in made.get_ca_certs()} <= {
            *("hub-ca", "notebooks-ca", "proxy-api-ca", "proxy-client-ca", "services-ca")
        }


def test_people_log_in_and_read_dashboards(inner: Platform):
    palle = inner.visitor("palle")
    assert palle.get("hub/home").ok

    def listed() -> bool:
        with suppress(requests.RequestException):
            return palle.get("services/dashboards/").ok
        return False

    eventually(listed, 60)
    assert inner.visitor("rikke").get("services/dashboards/").status_code == 403
