"""A filter of system calls: what analysis never needs, and what would pass a limit.

The filter is a program for the kernel's classic BPF machine, in the form that ``bwrap --seccomp`` loads
(linux/filter.h, linux/seccomp.h: Documentation/userspace-api/seccomp_filter.rst). It allows by default and
refuses by name, so that libraries work; what the kernel gained after ``_NEWEST`` is refused as unknown.
"""

from __future__ import annotations

import errno
import platform
import struct

from sundbench.errors import SandboxError

# (AUDIT_ARCH_*, column below); numbers from asm/unistd_64.h and asm-generic/unistd.h.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_NEWEST = 462  # mseal, Linux 6.10; x32 numbers its calls from 2**30, above it too

_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # memory that neither a limit on a process nor one on a tmpfs counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "perf_event_open": (298, 241),
    # keys, which belong to the account and not to the sandbox
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # parts of the kernel that are large and often broken into
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "setns": (308, 268),
    "unshare": (272, 97),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # the machine
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "vhangup": (153, 58),
    "uselib": (134, None),
    "_sysctl": (156, None),
}
_CLONE, _CLONE3, _SOCKET, _IOCTL, _PRCTL = (56, 220), (435, 435), (41, 198), (16, 29), (157, 167)

_NAMESPACES = 0x7E020000  # CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID, -NET
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink (addresses of devices); not vsock, alg, packet, ...
_REQUESTS = (
    0x5412,  # TIOCSTI: types into the terminal
    0x541C,  # TIOCLINUX: pastes into it
    0x401C5820,  # FS_IOC_FSSETXATTR: moves a file to another project's quota
    0x40086602,  # FS_IOC_SETFLAGS, and its form for 32 bits: lets files out of the quota's inheritance
    0x40046602,
)
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9

_LOAD, _EQUAL, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
# Offsets in struct seccomp_data; both machines are little-endian.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

Step = tuple[int, int, int, int]


def program(machine: str | None = None) -> bytes:
    """The filter for a machine.

    Args:
        machine: as ``platform.machine`` says; None for this one.

    Returns:
        An array of ``struct sock_filter``.

    Raises:
        SandboxError: for a machine whose system calls are not known here.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        known = " and ".join(_MACHINES)
        raise SandboxError(f"system calls of {machine} are not known: sandboxes need {known}")
    architecture, column = _MACHINES[machine]
    out: list[Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # x32's numbers, and calls that are newer than this list. ENOSYS: libraries then do without.
        (_GREATER_EQUAL, 0, 1, _NEWEST + 1),
        _errno(errno.ENOSYS),
        (_EQUAL, 0, 1, _CLONE3[column]),  # its flags lie in memory, out of the filter's sight
        _errno(errno.ENOSYS),
    ]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            out += [(_EQUAL, 0, 1, number), _errno(errno.EPERM)]
    out += _when(_CLONE[column], [_argument(0), (_ANY_BIT, 0, 1, _NAMESPACES), _errno(errno.EPERM)])
    families: list[Step] = [(_EQUAL, len(_FAMILIES) - i, 0, family) for i, family in enumerate(_FAMILIES)]
    out += _when(_SOCKET[column], [_argument(0), *families, _errno(errno.EAFNOSUPPORT)])
    requests: list[Step] = [
        step for request in _REQUESTS for step in ((_EQUAL, 0, 1, request), _errno(errno.EPERM))
    ]
    out += _when(_IOCTL[column], [_argument(1), *requests])
    # A process that could cancel the signal would outlive its starter.
    death: list[Step] = [
        _argument(0),
        (_EQUAL, 0, 3, _PR_SET_PDEATHSIG),
        _argument(1),
        (_EQUAL, 1, 0, _SIGKILL),
    ]
    out += _when(_PRCTL[column], [*death, _errno(errno.EPERM)])
    out.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in out)


def _errno(number: int) -> Step:
    return (_RETURN, 0, 0, 0x00050000 | number)


def _argument(index: int) -> Step:
    """Load an argument's lower half: what these calls take is 32 bits wide."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _when(number: int, steps: list[Step]) -> list[Step]:
    """Steps for one system call, which then is allowed if none of them refused it."""
    return [(_EQUAL, 0, len(steps) + 1, number), *steps, (_RETURN, 0, 0, _ALLOW)]
