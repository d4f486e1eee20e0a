"""The filter of system calls, run on a model of the kernel's machine: for both processors, on either."""

import errno
import struct

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox import seccomp

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# by asm/unistd_64.h and asm-generic/unistd.h
NAMES = ("read", "write", "clone", "socket", "ioctl", "prctl", "execve", "ptrace", "mount", "memfd_create",
         "clone3", "futex", "setuid")  # fmt: skip
CALLS = {
    "x86_64": dict(zip(NAMES, (0, 1, 56, 41, 16, 157, 59, 101, 165, 319, 435, 202, 105), strict=True)),
    "aarch64": dict(zip(NAMES, (63, 64, 220, 198, 29, 167, 221, 117, 40, 279, 435, 98, 146), strict=True)),
}


def run(program: bytes, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would answer (Documentation/networking/filter.rst)."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return value
        else:
            true = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value}[code]
            at += yes if true else no


@pytest.fixture(params=["x86_64", "aarch64"])
def ask(request):
    program = seccomp.program(request.param)
    calls = CALLS[request.param]

    def asked(name, *arguments):
        number = calls.get(name, name)
        answer = run(program, ARCHITECTURE[request.param], number, arguments)
        return errno.errorcode[answer & 0xFFFF] if answer & 0xFFFF0000 == ERRNO else answer

    return asked


def test_programs_work(ask):
    for name in ("read", "write", "execve", "futex", "setuid"):
        assert ask(name) == ALLOW


def test_refused_by_name(ask):
    for name in ("ptrace", "mount", "memfd_create"):
        assert ask(name) == "EPERM"


def test_threads_and_processes_but_no_namespaces(ask):
    assert ask("clone", 17) == ALLOW
    assert ask("clone", 0x3D0F00) == ALLOW  # a thread, as the C library makes it
    assert ask("clone", 0x10000000 | 17) == "EPERM"
    assert ask("clone3") == "ENOSYS"


@pytest.mark.parametrize(
    ("family", "answer"),
    [(f, ALLOW) for f in (1, 2, 10, 16)] + [(f, "EAFNOSUPPORT") for f in (0, 17, 38, 40)],
)
def test_families_of_sockets(ask, family, answer):
    assert ask("socket", family) == answer


def test_requests_to_devices(ask):
    assert ask("ioctl", 0, 0x5401) == ALLOW  # TCGETS
    assert ask("ioctl", 0, 0x5412) == "EPERM"
    assert ask("ioctl", 0, 0xFFFFFFFF00005412) == "EPERM"  # the kernel looks at the lower half
    assert ask("ioctl", 0, 0x401C5820) == "EPERM"


def test_the_signal_at_the_starter_s_death_stays(ask):
    assert ask("prctl", 1, 9) == ALLOW
    assert ask("prctl", 1, 0) == "EPERM"
    assert ask("prctl", 38, 1) == ALLOW


def test_unknown_calls_are_not_there(ask):
    assert ask(463) == "ENOSYS"
    assert ask(0x40000000) == "ENOSYS"


def test_another_machine_s_calls_kill():
    assert run(seccomp.program("x86_64"), 0x40000003, 4) == KILL  # 32 bits


def test_unknown_machines():
    with pytest.raises(SandboxError, match="riscv64"):
        seccomp.program("riscv64")
