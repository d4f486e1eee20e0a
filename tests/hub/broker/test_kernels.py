"""Kernels through the broker: what they see, how they are interrupted, started again, and end."""

import json
import os
import time
from pathlib import Path

import pytest

from sundbench.errors import HubError
from tests.hub.broker.conftest import Served, Start, new_manager, run

SEEN = """
import json, os, socket
def may(path):
    try:
        open(os.path.join(path, 'x'), 'w').close()
        return True
    except OSError:
        return False
print(json.dumps(dict(
    data=sorted(os.listdir('/data')), notebooks=os.listdir('/notebooks'),
    cwd=os.getcwd(), home=os.environ['HOME'],
    writable=[p for p in ('/', '/data', '/notebooks', '/work', '/outbox', '/tmp', '/run', '/etc') if may(p)],
    kernel=os.environ['SUNDBENCH_KERNEL'], project=os.environ['SUNDBENCH_PROJECT'],
    hub=[v for v in os.environ if v.startswith(('JPY', 'JUPYTERHUB'))],
    processes=[p for p in os.listdir('/proc') if p.isdigit()],
    interfaces=[n for _, n in socket.if_nameindex()],
)))
"""


def test_a_register_kernel_sees_its_extract_and_little_else(served: Served, start: Start) -> None:
    _, client = start("register-data")
    seen = json.loads(run(client, SEEN))
    assert seen["data"] == ["extract.json"]
    assert seen["notebooks"] == ["first.ipynb"]
    assert seen["cwd"] == seen["home"] == "/work"
    assert seen["writable"] == ["/work", "/outbox", "/tmp"]
    assert (seen["kernel"], seen["project"]) == ("register-data", "lung-cancer")
    assert seen["hub"] == []
    assert len(seen["processes"]) <= 3
    assert seen["interfaces"] == ["lo"]
    assert served.recorded.records[0][0] == "kernel.start"
    assert served.recorded.records[0][2] == {"kernel": "register-data", "data": "e" * 64}


def test_register_and_synthetic_kernels_share_nothing_writable(start: Start) -> None:
    _, register = start("register-data")
    run(register, "for f in ('/work/x', '/outbox/x'): open(f, 'w').write('real')")
    _, synthetic = start("synthetic-data")
    assert '"name": "synthetic"' in run(synthetic, "print(open('/data/extract.json').read())")
    assert run(synthetic, "import os; print(os.listdir('/work'), os.listdir('/outbox'))") == "[] []"


def test_interrupt_restart_and_shutdown(served: Served, start: Start) -> None:
    manager, client = start("register-data")
    assert run(client, "kept = 1; print('first')") == "first"
    code = "import time; print('at it', flush=True)\nfor _ in range(600): time.sleep(0.1)"
    sent = client.execute(code, stop_on_error=False)  # else what is asked next may be given up with it
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "at it\n":
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=60)
    while reply["parent_header"].get("msg_id") != sent:
        reply = client.get_shell_msg(timeout=60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert run(client, "print(kept)") == "1"

    connection = manager.get_connection_info()
    manager.restart_kernel()
    client.wait_for_ready(timeout=60)
    assert manager.get_connection_info() == connection
    assert run(client, "print('kept' in dir())") == "False"

    manager.shutdown_kernel()
    assert not manager.is_alive()
    assert list(served.sockets.iterdir()) == []
    assert served.recorded.actions == [
        "kernel.start", "kernel.interrupt", "kernel.interrupt", "kernel.stop", "kernel.restart",
        "kernel.interrupt", "kernel.stop",
    ]  # fmt: skip


def test_a_kernel_that_dies_says_why_and_starts_again(served: Served, start: Start) -> None:
    manager, client = start("register-data")
    client.execute("hog = [bytearray(32 << 20) for _ in range(100)]")
    for _ in range(600):
        if not manager.is_alive():
            break
        time.sleep(0.1)
    assert not manager.is_alive()
    assert manager.provisioner.ending.startswith("out of memory")
    assert served.recorded.records[-1][0] == "kernel.stop"
    assert "out of memory" in str(served.recorded.records[-1][2]["ending"])
    # What a server's autorestart does.
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    assert run(client, "print('again')") == "again"
    assert manager.provisioner.ending == ""


def test_a_server_may_not_have_more_kernels_than_its_assignment_says(served: Served, start: Start) -> None:
    for _ in range(2):
        start("register-data")
    with pytest.raises(HubError, match="2 kernels run"):
        new_manager(served, "synthetic-data").start_kernel()
    assert served.recorded.actions[-1] == "kernel.refused"


def test_data_that_were_removed_or_replaced_are_not_read_as_if_they_were_the_same(
    served: Served, start: Start
) -> None:
    """The audit log names the data by their digest: it must not name what isn't there any more."""
    about = served.broker.offers["register-data"].mounts["extract"] / "extract.json"
    before = about.read_text()
    try:
        for damage in (lambda: about.write_text('{"digest": "another"}'), about.unlink):
            damage()
            with pytest.raises(HubError, match="removed or replaced since this server started"):
                new_manager(served, "register-data").start_kernel()
            assert served.recorded.actions[-1] == "kernel.refused"
    finally:
        about.write_text(before)
    start("register-data")


def test_kernels_end_with_their_broker(served: Served, start: Start) -> None:
    manager, _ = start("register-data")
    (kernel,) = served.broker.kernels.values()
    assert kernel.sandboxed is not None
    pid = kernel.sandboxed.pid
    served.close()
    assert not Path(f"/proc/{pid}").exists()
    assert list(served.sockets.iterdir()) == []
    assert not manager.is_alive()
    assert "broker is gone" in manager.provisioner.ending


def test_dask_has_the_limits_and_a_dashboard_on_a_socket(served: Served, start: Start) -> None:
    _, client = start("register-data")
    code = """
from dask.distributed import LocalCluster, Client
cluster = LocalCluster()
workers = list(cluster.scheduler_info['workers'].values())
with Client(cluster) as client:
    print(len(workers), sum(w['nthreads'] for w in workers), sum(w['memory_limit'] for w in workers) >> 20,
          client.submit(sum, [1, 2]).result())
"""
    assert run(client, code) == "1 1 612 3"
    (kernel,) = served.broker.kernels.values()
    dashboard = kernel.folder / "dash.sock"
    assert dashboard.is_socket()
    assert dashboard.stat().st_mode & 0o777 == 0o600
    import socket

    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(dashboard))
        asking.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert b"ok" in asking.recv(65536)
    link = run(client, "print(cluster.dashboard_link)")
    assert link == f"http://127.0.0.1:8000/user/anna/lung-cancer/sundbench/dask/{kernel.name}/status"
    run(client, "cluster.close()")


def test_nothing_of_the_servers_goes_into_the_kernel(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t0ken")
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    _, client = start("synthetic-data")
    said = run(client, "print(open('/proc/1/environ').read(), open('/proc/self/environ').read())")
    assert "t0ken" not in said
    assert "JPY_PARENT_PID" not in said


FILLERS = {
    "a file": "open('/run/kernel/big', 'wb').write(bytes(8 << 20))",
    "a deleted file": "f = open('/run/kernel/b', 'wb', 0); os.unlink(f.name); f.write(bytes(8 << 20))",
    "empty files": "for i in range(1000): open(f'/run/kernel/{i}', 'w').close()",
}


@pytest.mark.parametrize("filler", FILLERS)
def test_a_kernel_may_not_fill_its_folder_of_sockets(served: Served, start: Start, filler: str) -> None:
    manager, client = start("synthetic-data")
    client.execute(f"import os, time\n{FILLERS[filler]}\ntime.sleep(20)")
    for _ in range(100):
        if not manager.is_alive():
            break
        time.sleep(0.1)
    assert not manager.is_alive()
    assert manager.provisioner.ending.startswith("out of disk: /run/kernel held ")
