"""Hub, job, broker, server, kernel and audit log together, with nothing stood in for."""

import json
from pathlib import Path

import psutil
import pytest

from sundbench.hub.supervisor import table
from tests.hub.installation import Platform, close, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("sandboxes"),
]


def test_a_researcher_s_day_and_a_killed_hub(platform: Platform):
    rikke = platform.visitor("rikke")
    rikke.start("lung-cancer")
    kernel = rikke.kernel("lung-cancer")

    assert kernel.run("import os; found = sorted(os.listdir('/data')); found") == "['extract.json', 'lmdb']"
    assert kernel.run("import sundbench as sb; sb.connect().manifest['freeze']") == "'tested'"
    invented = rikke.kernel("lung-cancer", "synthetic-data")
    assert invented.run("import sundbench as sb; sb.connect().manifest['synthetic']") == "True"

    code = {"type": "file", "format": "text", "content": "answer = 42\n"}
    saved = rikke.server("PUT", "lung-cancer", "api/contents/shared.py", code)
    assert saved.ok, saved.text
    assert kernel.run("open('/notebooks/shared.py').read()") == repr(code["content"])

    platform.kill("hub")
    platform.start_hub()

    assert kernel.run("found") == "['extract.json', 'lmdb']", "a kernel keeps its memory over the hub's end"
    (executed,) = [
        one for one in platform.records(action="execute", actor="rikke") if "os.listdir" in json.dumps(one)
    ]
    assert executed["permit"] == "lung-cancer"
    assert executed["extract"] == "0" * 63 + "1"
    assert rikke.stop("lung-cancer").ok
    eventually(lambda: rikke.state("lung-cancer") == "stopped")
    assert not list(platform.site.runtime.glob("s/*"))


def test_another_s_server_and_a_server_s_token_stay_shut(platform: Platform):
    anders = platform.visitor("anders")
    anders.start("diabetes")
    for user in ("rikke", "ida", "palle"):
        visitor = platform.visitor(user)
        for path in ("lab", "api/contents", "api/kernels"):
            assert visitor.get(f"user/anders/diabetes/{path}").status_code in {403, 404}, (user, path)
    (job,) = table.jobs(platform.site)
    family = [psutil.Process(job.pid), *psutil.Process(job.pid).children(recursive=True)]
    assert len(family) > 2
    for process in family:
        shown = Path(f"/proc/{process.pid}/environ").read_bytes() + "".join(process.cmdline()).encode()
        assert b"TOKEN" not in shown, "no process shows a token"
        assert b"VAULT" not in shown

    close(platform.site, "diabetes")

    (stop,) = eventually(lambda: platform.records(action="server.stop", object="anders:diabetes"), 60)
    assert stop["detail"]["why"] == "permit closed"
    assert anders.get("user/anders/diabetes/lab").status_code in {403, 404, 424, 503}
    assert anders.start("diabetes", wait=False).status_code == 403
