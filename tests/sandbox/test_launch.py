"""The life of a sandbox, from outside."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox.launch import start
from sundbench.sandbox.policy import Policy
from sundbench.sandbox.probe import probe
from tests.sandbox.conftest import DROPPED

POLICY = Policy.model_validate(
    {
        "name": "trial",
        "title": "A trial",
        "mounts": [{"name": "scratch", "at": "/work", "write": True, "disk": True, "optional": True}],
        "limits": {"memory": "256 MiB", "cores": 1, "processes": 32, "file_size": "1 MiB", "disk": "4 MiB",
                   "tmp": "1 MiB"},
    }
)  # fmt: skip
SLEEP = "import time; print('up', flush=True); time.sleep(30)"


def sandboxed(code, **more):
    return start(
        POLICY,
        [sys.executable, "-I", "-S", "-c", code],
        mounts=more.pop("mounts", {}),
        environment=more.pop("environment", {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        name="trial",
        **more,
    )


def up(running):
    """Wait until the program says that it runs."""
    assert running._process.stdout.readline() == b"up\n"
    return running


def gone(pid, patience=60.0):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_runs_to_its_end():
    running = sandboxed(
        "import os; print(os.environ['GREETING']); raise SystemExit(3)", environment={"GREETING": "hej"}
    )
    assert running.wait(20) == 3
    assert running._process.stdout.read() == b"hej\n"
    assert running.ending == "ended with exit code 3"
    assert running.poll() == 3
    assert running.child_pid is None


def test_interrupt_reaches_the_program_alone():
    running = sandboxed("""
import os, signal, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
os.write(1, b"up\\n")
while not seen: time.sleep(0.01)
os.write(1, b"interrupted, goes on\\n")
""")
    up(running)
    assert running.ending is None
    assert running.child_pid != running.pid
    running.signal(signal.SIGINT)
    running.wait(20)
    assert running._process.stdout.read() == b"interrupted, goes on\n"
    running.signal(signal.SIGINT)  # nobody is there: nothing happens


def test_terminate_asks_and_kill_does_not():
    stubborn = up(sandboxed(f"import signal; signal.signal(15, signal.SIG_IGN)\n{SLEEP}"))
    stubborn.terminate()
    with pytest.raises(TimeoutError, match=r"trial still runs after 0\.2 s"):
        stubborn.wait(0.2)
    stubborn.kill()
    assert stubborn.ending == "stopped"
    willing = up(sandboxed(SLEEP))
    willing.terminate()
    willing.wait(5)
    assert willing.ending == "stopped"


def test_kill_ends_all_that_the_program_started():
    family = up(
        sandboxed(f"""
import os
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        import time; time.sleep(60)
{SLEEP}
""")
    )
    from sundbench.sandbox.usage import processes

    pids = processes(family._init)
    assert len(pids) >= 7
    family.kill()
    assert all(gone(pid) for pid in pids)


def test_orphans_are_buried():
    running = sandboxed("""
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.fork()
        os._exit(0)
    os.wait()
time.sleep(0.3)
states = [open(f"/proc/{p}/stat").read().split()[2] for p in os.listdir("/proc") if p.isdigit()]
print(states.count("Z"))
""")
    running.wait(20)
    assert running._process.stdout.read() == b"0\n"


def test_outlives_the_thread_that_asked_for_it():
    made = []
    thread = threading.Thread(target=lambda: made.append(sandboxed(SLEEP)))
    thread.start()
    thread.join()
    up(made[0])
    time.sleep(0.3)
    assert made[0].poll() is None
    made[0].kill()


@pytest.mark.parametrize("defiant", [False, True], ids=["quiet", "defiant"])
def test_dies_with_its_starter(attacker, defiant):
    code = "import time\n"
    if defiant:  # cancels the signal that would end it
        code += "import ctypes, signal; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n"
        code += "signal.signal(15, signal.SIG_IGN)\n"
    starter = attacker.start(code + "time.sleep(60)", print_pid=True, patience=60)
    pids = json.loads(starter.stdout.readline())
    time.sleep(0.2)
    starter.kill()
    starter.communicate()
    assert all(gone(pid) for pid in pids)


def test_dies_with_bubblewrap(attacker):
    starter = attacker.start("import time; time.sleep(60)", print_pid=True, patience=60)
    outer, child = json.loads(starter.stdout.readline())
    os.kill(outer, signal.SIGKILL)
    assert gone(child)
    said = json.loads(starter.communicate(timeout=20)[0])
    assert said["ending"] == "ended by signal SIGKILL"


def test_passes_on_the_descriptors_that_it_should():
    read, write = os.pipe()
    running = sandboxed(f"import os; os.write({write}, b'token please')", pass_fds=[write])
    os.close(write)
    assert os.read(read, 100) == b"token please"
    os.close(read)
    assert running.wait(20) == 0


def test_says_in_words_that_the_program_is_not_there():
    running = start(
        POLICY, ["/usr/bin/nothing-like-it"], mounts={}, environment={}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, name="trial",
    )  # fmt: skip
    running.wait(20)
    assert b"nothing-like-it: No such file" in running._process.stdout.read()
    assert running.ending == "ended with exit code 127"


def test_a_signal_is_named():
    running = sandboxed("import os; os.kill(os.getpid(), 11)")
    running.wait(20)
    assert running.ending == "ended by signal SIGSEGV"


def test_refuses_folders_that_are_not_there_and_leaves_nothing(tmp_path):
    with pytest.raises(SandboxError, match=r"trial: scratch: .* is not an existing absolute path"):
        sandboxed("", mounts={"scratch": tmp_path / "missing"})
    with pytest.raises(SandboxError, match="the policy has no mount vault; it has scratch"):
        sandboxed("", mounts={"vault": tmp_path})
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(SandboxError, match="is not an existing absolute path of its own"):
        sandboxed("", mounts={"scratch": tmp_path / "link"})


def test_many_at_once():
    several = [sandboxed(f"print({i})") for i in range(12)]
    assert [running.wait(30) for running in several] == [0] * 12
    assert [int(running._process.stdout.read()) for running in several] == list(range(12))


def test_leaves_no_descriptor_open():
    sandboxed("").wait(20)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        running = sandboxed("")
        running.wait(20)
        running._process.stdout.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_probe_makes_one():
    seen = probe()
    assert seen.works
    assert seen.why is None
    assert seen.version[0].isdigit()


KILLED = """
import os, signal, subprocess, sys, time
from sundbench.sandbox import launch, usage
from sundbench.sandbox.policy import Policy
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
when, token = sys.argv[1:]
if when.startswith('after'):
    real = subprocess.Popen
    def begun(*arguments, **more):
        process = real(*arguments, **more)
        if '--json-status-fd' in process.args:
            time.sleep(float(when.removeprefix('after')))
            die()
        return process
    subprocess.Popen = begun
elif when == 'unspoken':
    # Bubblewrap can't tell its first process's id, and so doesn't get to the word that this one waits for.
    memory_file = launch._memory_file
    def full(stack, content=b''):
        if content:
            return memory_file(stack, content)
        _, status = os.pipe()
        os.set_blocking(status, False)
        try:
            while True:
                os.write(status, bytes(65536))
        except BlockingIOError:
            os.set_blocking(status, True)
        return status
    def stuck(status, process, name):
        until = time.monotonic() + 20
        while len(usage.processes(process.pid)) < 2:
            if time.monotonic() > until:
                sys.exit('bubblewrap started no process')
            time.sleep(0.001)
        time.sleep(0.3)
        die()
    launch._memory_file, launch._first_process = full, stuck
else:
    setattr(launch, when, die)
limits = dict(memory='64 MiB', cores=1, processes=8, file_size='1 MiB', disk='1 MiB', tmp='1 MiB')
policy = Policy.model_validate({'name': 'trial', 'title': 'A trial', 'limits': limits})
launch.start(policy, ['/bin/sleep', token], mounts={}, environment={}, stdout=-3, stderr=-3, name='trial')
"""


@pytest.mark.parametrize(
    "when", ["after0", "after0.004", "unspoken", "_first_process", "_subject", "_await_bond"]
)
def test_a_starter_that_is_killed_half_way_leaves_nothing(attacker, when):
    token = f"98765.{os.getpid()}"
    who = DROPPED if attacker.who == "stranger" else []
    for _ in range(3):
        command = [*who, attacker.python, "-c", KILLED, when, token]
        assert subprocess.run(command, env=attacker.environment(), check=False).returncode == -signal.SIGKILL
    assert gone_all(token), running(token)


def running(token):
    """Processes that have a word on their command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdecimal() else []
        except OSError:
            continue
        if token.encode() in words and KILLED.encode() not in words:
            found[int(folder.name)] = words
    return found


def gone_all(token, patience=60.0):
    until = time.monotonic() + patience
    while running(token) and time.monotonic() < until:
        time.sleep(0.05)
    return not running(token)
