"""The filter of system calls, run on a model of the kernel's machine: for both processors, on either."""

import errno
import struct

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox import seccomp

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CALLS = {  # by asm/unistd_64.h and asm-generic/unistd.h
    "x86_64": {"read": 0, "write": 1, "clone": 56, "socket": 41, "ioctl": 16, "prctl": 157, "execve": 59,
               "ptrace": 101, "mount": 165, "memfd_create": 319, "clone3": 435, "futex": 202, "setuid": 105},
    "aarch64": {"read": 63, "write": 64, "clone": 220, "socket": 198, "ioctl": 29, "prctl": 167, "execve": 221,
                "ptrace": 117, "mount": 40, "memfd_create": 279, "clone3": 435, "futex": 98, "setuid": 146},
}  # fmt: skip


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


@pytest.mark.parametrize(("family", "answer"), [(1, ALLOW), (2, ALLOW), (10, ALLOW), (16, ALLOW),
                                                (40, "EAFNOSUPPORT"), (38, "EAFNOSUPPORT"), (0, "EAFNOSUPPORT")])  # fmt: skip
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
