"""Programs that take more than they may, and who is hurt by it."""

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox import cgroups, launch

PEACEFUL = "print(sum(range(1000)))"


@pytest.fixture
def hurts_no_next(clean):
    """What comes after starts and works."""
    yield
    after = clean(PEACEFUL)
    assert (after.code, after.said, after.ending) == (0, "499500\n", "ended by itself")


def test_fork_bomb_stays_inside(clean, hurts_no_next):
    bomb = """
import os, time
refused = 0
until = time.time() + 1
while time.time() < until:
    try:
        os.fork()
    except OSError:
        refused = 1
        time.sleep(0.05)
if os.getpid() == 2: print("REFUSED" if refused else "NEVER")
"""
    seen = clean(bomb)
    assert "REFUSED" in seen.said


def test_threads_count_as_processes(clean):
    seen = clean("""
import threading, time
started = 0
try:
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start(); started += 1
except RuntimeError:
    print("REFUSED", started)
""")
    assert "REFUSED" in seen.said
    assert int(seen.said.split()[1]) < 30


HOGS = {
    "one process": "a = []\nwhile True: a.append(bytearray(b'x' * 4_000_000))",
    "many processes": """
import os, time
for _ in range(8):
    if os.fork() == 0: break
a = bytearray(b'x' * 40_000_000)
time.sleep(8)
""",
    "empty files": """
import os
for i in range(400_000):
    os.close(os.open(f"/tmp/{i}", os.O_CREAT | os.O_WRONLY))
""",
    "shared mapping": """
import mmap, time
maps = []
while True:
    m = mmap.mmap(-1, 8_000_000); m.write(b'x' * 8_000_000); maps.append(m)
""",
}


@pytest.mark.parametrize("hog", HOGS)
def test_memory_hog_ends_and_is_told_why(clean, hurts_no_next, hog):
    seen = clean(HOGS[hog])
    assert seen.code != 0 or seen.ending.startswith("out of memory")
    assert "out of memory" in seen.ending or "MemoryError" in seen.said or "more memory" in seen.ending


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_folders_in_memory_are_small(clean, place):
    seen = clean(f"""
import os
written = 0
try:
    for i in range(100):
        with open("{place}/%d" % i, "wb") as f:
            for _ in range(7):
                f.write(b'x' * 1_000_000); f.flush(); written += 1
except OSError as error:
    print(error.strerror, written)
""")
    assert seen.said.startswith("No space left on device"), seen
    assert int(seen.said.split()[-1]) <= 17


def test_memory_behind_a_descriptor_is_refused(clean):
    seen = clean("""
import os, ctypes
try: os.memfd_create("x"); print("MADE")
except OSError as error: print(error.strerror)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.shmget(0, 10**9, 0o600), os.strerror(ctypes.get_errno()))
""")
    assert seen.said == "Operation not permitted\n-1 Operation not permitted\n"


def test_a_file_has_a_largest_size(clean):
    seen = clean("""
try:
    with open("/work/big", "wb") as f:
        for _ in range(20): f.write(b"x" * 1_000_000); f.flush()
    print("WRITTEN")
except OSError as error: print(error.strerror)
""")
    assert seen.said == "File too large\n"
    assert (clean.folder / "scratch" / "big").stat().st_size == 8 * 2**20


FILLERS = {
    "empty files": """
import time
for i in range(6_000): open("/work/%d" % i, "wb").close()
time.sleep(8)
""",
    "many files": """
import time
for i in range(12):
    open("/work/%d" % i, "wb").write(b"x" * 4_000_000)
    time.sleep(0.02)
time.sleep(8)
""",
    "deleted files": """
import os, time
files = []
for i in range(12):
    f = open("/outbox/x", "wb"); f.write(b"x" * 4_000_000); f.flush(); os.unlink("/outbox/x"); files.append(f)
time.sleep(8)
""",
}


@pytest.mark.parametrize("filler", FILLERS)
def test_disk_filler_is_ended_and_told_where(clean, filler):
    seen = clean(FILLERS[filler])
    assert seen.enforcement["disk"] == "soft"
    assert seen.ending.startswith("out of disk: /")
    assert seen.ending.endswith("of at most 16 MiB")


def test_who_is_over_the_limit_on_disk_may_come_back_and_delete(clean):
    for i in range(10):
        (clean.folder / "scratch" / f"{i}").write_bytes(b"x" * 4_000_000)
    seen = clean("import os, time; time.sleep(1.5); [os.unlink(f'/work/{i}') for i in range(10)]")
    assert seen.ending == "ended by itself", seen
    assert not list((clean.folder / "scratch").iterdir())


def test_who_is_far_over_the_limit_on_disk_does_not_start(tmp_path, monkeypatch):
    """Each start lets a fast writer in until the first look: many starts must not add up to a full disk."""
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    monkeypatch.setattr(launch, "_OVERDRAFT", 0)
    assert launch._allowed(tmp_path, 2**21, "kernel: /work") > 2**21
    with pytest.raises(SandboxError, match=r"kernel: /work holds 3,.* of at most 1,048,576"):
        launch._allowed(tmp_path, 2**20, "kernel: /work")


def test_processor_time_ends_even_when_split(clean):
    spin = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    seen = clean(spin, limits={"cpu_seconds": 1})
    assert seen.ending == "out of processor time: it used more than 1 s"


def test_share_of_processors(clean):
    if clean(PEACEFUL).enforcement["cpu"] != "hard":
        pytest.skip("no control group holds a share of the processors here")
    seen = clean(
        "import time\nuntil = time.time() + 2\nwhile time.time() < until: pass\nprint(time.process_time())",
        limits={"cores": 0.25},
    )
    assert float(seen.said) < 1.0


def test_limits_can_not_be_raised(clean):
    seen = clean("""
import resource
for name in ("RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE"):
    try: resource.setrlimit(getattr(resource, name), (2**40, 2**40)); print("RAISED", name)
    except ValueError: pass
""")
    assert seen.said == ""


def test_no_group_is_left_behind(clean):
    with clean.start(PEACEFUL) as starter:
        starter.communicate(timeout=60)
    tree = cgroups.tree()
    folders = set(tree.folders.values()) if tree else set()
    assert not [group for folder in folders for group in folder.glob(f"sundbench-{starter.pid}-*")]
