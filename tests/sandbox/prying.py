# ruff: noqa: PTH101, PTH123, PTH208, PTH211, PLW0108, PLW1510, SIM115
"""Runs inside a sandbox and tries every border; prints what became of each attempt, in JSON.

An attempt that works says "DONE" or what it got hold of; one that is refused says the error's name.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import pathlib
import pty
import resource
import socket
import subprocess
import sys

PORT, ABSTRACT = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
found = {}


def attempt(name, function):
    try:
        result = function()
    except subprocess.SubprocessError as error:
        found[name] = type(error).__name__
    except OSError as error:
        found[name] = (
            errno.errorcode.get(error.errno, str(error.errno))
            if error.errno and error.errno > 0
            else "refused"
        )
    except ValueError:
        found[name] = "refused"
    else:
        found[name] = "DONE" if result is None else result


def call(number, *arguments):
    def do():
        ctypes.set_errno(0)
        if libc.syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), "")

    return do


def read(path):
    return pathlib.Path(path).read_text(errors="replace")


def write(path):
    def do():
        with open(path, "w") as file:
            file.write("x")

    return do


def status(path="/proc/self/status"):
    return dict(line.split(":\t", 1) for line in read(path).splitlines() if ":\t" in line)


# Processes
attempt("environment of the first process", lambda: read("/proc/1/environ"))
attempt("command line of the first process", lambda: read("/proc/1/cmdline"))
attempt("environment of my own", lambda: read("/proc/self/environ"))
attempt("processes", lambda: sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
attempt("ptrace", call(101, 16, 1, 0, 0))
attempt("memory of the first process", lambda: open("/proc/1/mem", "r+b").close())
attempt("process_vm_readv", call(310, 1, 0, 0, 0, 0, 0))
attempt("outlive the starter", call(157, 1, 0, 0, 0, 0))
attempt("kill the first process", lambda: os.kill(1, 9))

# Rights
about = status()
found["rights"] = {
    key: about[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")
}
found["rights"]["Seccomp of the first process"] = status("/proc/1/status")["Seccomp"]
found["account"] = [os.getuid(), os.getgid(), os.getgroups()]
attempt("setuid 0", lambda: os.setuid(0))
attempt(
    "setuid program",
    lambda: subprocess.run(["/data/id", "-u"], capture_output=True, text=True).stdout.strip(),
)
attempt("mount", call(165, b"none", b"/tmp", b"tmpfs", 0, None))
attempt("new mount api", call(430, b"tmpfs", 0))
attempt("unshare user", call(272, 0x10000000))
attempt("clone user", call(56, 0x10000000 | 17, 0, 0, 0, 0))
attempt("clone3", call(435, 0, 0))
attempt("setns", call(308, 0, 0))
attempt("chroot", lambda: os.chroot("/tmp"))
for name, number in {
    "keyctl": 250,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring": 425,
    "perf": 298,
    "memfd": 319,
}.items():
    attempt(name, call(number, 0, 0, 0, 0, 0))
attempt("x32", call(0x40000000 | 39))
attempt("newer call", call(469, 0, 0, 0, 0, 0))
attempt("raise a limit", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**50, 2**50)))
attempt("set the clock", call(227, 0, 0))
attempt(
    "nested bubblewrap",
    lambda: subprocess.run([sys.argv[3], "--ro-bind", "/", "/", "true"], capture_output=True).returncode,
)


# Network
def connect(family, address, kind=socket.SOCK_STREAM):
    def do():
        with socket.socket(family, kind) as s:
            s.settimeout(2)
            s.connect(address)

    return do


def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("192.0.2.1", 53))


attempt("host's loopback", connect(socket.AF_INET, ("127.0.0.1", PORT)))
attempt("host's abstract socket", connect(socket.AF_UNIX, "\0" + ABSTRACT))
attempt("host's named socket", connect(socket.AF_UNIX, sys.argv[4]))
attempt("outside", connect(socket.AF_INET, ("192.0.2.1", 443)))
attempt("outside, v6", connect(socket.AF_INET6, ("2001:db8::1", 443)))
attempt("datagram", send)
attempt("name", lambda: socket.gethostbyname("example.org"))
for name, family in {"vsock": 40, "alg": 38, "packet": 17, "bluetooth": 31}.items():
    attempt(name, lambda family=family: socket.socket(family, socket.SOCK_STREAM).close())
attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt("devices", lambda: [name for _, name in socket.if_nameindex()])


def own_loopback():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname(), 2):
            pass


attempt("own loopback", own_loopback)

# Files
for place in (
    "/", "/data", "/notebooks", "/usr", "/etc", "/dev", "/run", "/proc/sys/kernel", "/root", "/opt", "/var",
    sys.argv[5],
):  # fmt: skip
    attempt(f"write {place}", write(f"{place}/sundbench-was-here"))
for place in ("/work", "/outbox", "/tmp", "/dev/shm", "/run/kernel"):
    attempt(f"write {place}", write(f"{place}/allowed"))
attempt("overwrite the extract", write("/data/extract.json"))
attempt("read the extract", lambda: read("/data/extract.json"))
attempt("chmod the extract", lambda: os.chmod("/data/extract.json", 0o777))
attempt("link of the host's in scratch", lambda: read("/work/link"))
attempt(
    "link up and out", lambda: [os.symlink("/../../../../../../etc/shadow", "/work/up"), read("/work/up")]
)
attempt("root of the first process", lambda: sorted(os.listdir("/proc/1/root")))
attempt("shadow", lambda: read("/etc/shadow"))
attempt("etc", lambda: sorted(os.listdir("/etc")))
attempt("passwd", lambda: [line.split(":")[0] for line in read("/etc/passwd").splitlines()])
attempt("checkout", lambda: sorted(os.listdir(sys.argv[5])))
attempt("sys", lambda: os.listdir("/sys"))
attempt("dev", lambda: sorted(os.listdir("/dev")))
attempt("mknod", lambda: os.mknod("/tmp/mem", 0o20666, os.makedev(1, 1)))
attempt("kernel's memory", lambda: open("/proc/kcore", "rb").read(1))
attempt("sysrq", write("/proc/sysrq-trigger"))
attempt("run", lambda: sorted(os.listdir("/run")))
attempt("descriptors", lambda: sorted(int(name) for name in os.listdir("/proc/self/fd")))
attempt("standard input", lambda: sys.stdin.read())
attempt(
    "project of a file", lambda: fcntl.ioctl(os.open("/work/allowed", os.O_RDONLY), 0x401C5820, bytes(28))
)
attempt("host name", socket.gethostname)

# Terminals
master, slave = pty.openpty()
attempt("type into a terminal", lambda: fcntl.ioctl(slave, 0x5412, b"x"))
attempt("type into a terminal, with high bits", call(16, slave, 0xFFFFFFFF00005412, b"x"))
attempt("terminal of the starter", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))
with contextlib.suppress(OSError):
    os.close(master)

print(json.dumps(found))
