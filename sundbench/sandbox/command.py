"""From a policy to bubblewrap's arguments."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from sundbench.errors import SandboxError
from sundbench.sandbox.enforcement import Enforcement, available
from sundbench.sandbox.interpreter import Interpreter
from sundbench.sandbox.ownership import ACCOUNT, readable
from sundbench.sandbox.policy import Limits, Mount, Policy

_ETC = Path(__file__).parent / "etc"  # files written for sandboxes, instead of the host's
_HOST_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "timezone")
_HOST_ETC_NETWORK = ("ssl/certs", "ssl/openssl.cnf", "pki", "ca-certificates", "resolv.conf")
_DESCRIPTORS = 4096
_LOCKED = 8 * 2**20  # bytes of memory that a process may hold against swapping


def command(
    policy: Policy,
    argv: Sequence[str],
    *,
    mounts: Mapping[str, Path],
    environment: Mapping[str, str],
    limits: Limits | None = None,
    holding: Enforcement | None = None,
) -> list[str]:
    """Arguments of bubblewrap for a program under a policy.

    The list has neither bubblewrap's own name in front nor the descriptors that ``launch.start`` adds.

    Args:
        policy: what the sandbox may see.
        argv: the program and its arguments, by its path inside.
        mounts: the host's folder for each name that the policy has.
        environment: variables beside the policy's; these win.
        limits: instead of the policy's.
        holding: what holds the limits beside what the arguments can do.

    Returns:
        The arguments, the program's after ``--``.

    Raises:
        SandboxError: when a mount is missing, unknown, no folder, or a symbolic link.
    """
    limits = limits or policy.limits
    where = places(policy, mounts)
    interpreter = Interpreter.under([at for _, _, at in where])
    return [
        *_namespaces(policy),
        *_system(policy),
        *_memory(limits),
        *_binds([(outside, str(inside), False) for outside, inside in interpreter.folders.items()]),
        *_binds([(folder, at, mount.write) for mount, folder, at in where]),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", policy.cwd),
        *_environment(policy, {**interpreter.environment, **environment}, limits),
        "--",
        *_inner(limits, holding or available()),
        interpreter.inside(argv[0]),
        *argv[1:],
    ]


def _namespaces(policy: Policy) -> list[str]:
    """Namespaces of its own, and an end with its starter."""
    arguments = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    if not policy.network:
        arguments += ["--unshare-net"]
    if os.geteuid() == 0:
        # Root mounts; the program is another account (_inner), so that it is nobody outside too. A user
        # namespace could map only root to it.
        arguments += ["--cap-drop", "ALL"]
        # The last one: the working directory may be that account's alone. setpriv takes them all away.
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_READ_SEARCH"):
            arguments += ["--cap-add", capability]
    else:
        arguments += ["--unshare-user", "--disable-userns", "--uid", str(ACCOUNT), "--gid", str(ACCOUNT)]
    return [*arguments, "--hostname", policy.name, "--die-with-parent", "--new-session"]


def _system(policy: Policy) -> list[str]:
    """The host's programs and libraries, Python's, and an /etc that says nothing about the host."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    # Bubblewrap would make parents 0700 when the host's are, and they would belong to root.
    arguments += ["--perms", "0755", "--dir", "/etc"]
    for file in sorted(_ETC.iterdir()):
        arguments += ["--ro-bind", str(file), f"/etc/{file.name}"]
    for name in (*_HOST_ETC, *(_HOST_ETC_NETWORK if policy.network else ())):
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for name in policy.system:
        arguments += ["--ro-bind-try", name, name]
    return [*arguments, "--proc", "/proc", "--dev", "/dev"]


def _memory(limits: Limits) -> list[str]:
    """Folders that lie in memory: small, and the only writable places besides the policy's."""
    size = str(int(limits.tmp))
    arguments = []
    for place in ("/tmp", "/dev/shm"):  # noqa: S108 - the sandbox's own
        arguments += ["--perms", "1777", "--size", size, "--tmpfs", place]
    return arguments


def places(policy: Policy, mounts: Mapping[str, Path]) -> list[tuple[Mount, Path, str]]:
    """Which folder of the host lies where.

    Args:
        policy: what the sandbox may see.
        mounts: the host's folder for each name that the policy has.

    Returns:
        Mounts with their folder and their place inside; a folder comes before those below it.

    Raises:
        SandboxError: when a mount is missing, unknown, unreadable, no absolute path, or a symbolic link.
    """
    known = {mount.name for mount in policy.mounts}
    if unknown := sorted(set(mounts) - known):
        raise SandboxError(
            f"{policy.name}: the policy has no mount {', '.join(unknown)}; it has {_listed(known)}"
        )
    out = []
    for mount in policy.mounts:
        folder = mounts.get(mount.name)
        if folder is None:
            if mount.optional:
                continue
            raise SandboxError(f"{policy.name}: no folder was given for the mount {mount.name}")
        if not folder.is_absolute() or folder.is_symlink() or not folder.exists():
            raise SandboxError(
                f"{policy.name}: {mount.name}: {folder} is not an existing absolute path of its own"
            )
        if not mount.write and not folder.is_socket() and not readable(folder):
            raise SandboxError(
                f"{policy.name}: {mount.name}: programs in a sandbox may not read {folder}; chmod a+rX it"
            )
        out.append((mount, folder, mount.at))
    return sorted(out, key=lambda place: len(PurePosixPath(place[2]).parts))


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _binds(places: Iterable[tuple[Path, str, bool]]) -> list[str]:
    """Folders of the host; the last of the three says whether to write there."""
    arguments = []  # with parents, as above
    for folder, at, write in places:
        for parent in reversed(PurePosixPath(at).parents[:-1]):
            arguments += ["--perms", "0755", "--dir", str(parent)]
        arguments += ["--bind" if write else "--ro-bind", str(folder), at]
    return arguments


def _environment(policy: Policy, environment: Mapping[str, str], limits: Limits) -> list[str]:
    """A fixed environment: nothing of the starter's."""
    threads = str(max(1, round(limits.cores)))
    variables = {
        "LANG": "C.UTF-8",
        "HOME": policy.home,
        "USER": "researcher",
        "LOGNAME": "researcher",
        "TMPDIR": "/tmp",  # noqa: S108
        # Libraries ask for the machine's cores and memory, which the sandbox doesn't have.
        "SUNDBENCH_MEMORY": str(int(limits.memory)),
        "SUNDBENCH_CORES": str(limits.cores),
        **dict.fromkeys(
            (
                "OMP_NUM_THREADS",
                "OPENBLAS_NUM_THREADS",
                "MKL_NUM_THREADS",
                "NUMEXPR_NUM_THREADS",
                "POLARS_MAX_THREADS",
            ),
            threads,
        ),
        **policy.environment,
        **environment,
    }
    arguments = ["--clearenv"]
    for name, value in variables.items():
        arguments += ["--setenv", name, value]
    return arguments


def _inner(limits: Limits, holding: Enforcement) -> list[str]:
    """Programs of util-linux that pass on to the sandbox's own, with less power."""
    bounds = {
        "core": (0, resource.RLIMIT_CORE),
        "fsize": (int(limits.file_size), resource.RLIMIT_FSIZE),
        "nofile": (_DESCRIPTORS, resource.RLIMIT_NOFILE),
        "memlock": (_LOCKED, resource.RLIMIT_MEMLOCK),
        "msgqueue": (0, resource.RLIMIT_MSGQUEUE),
    }
    if limits.cpu_seconds is not None:
        bounds["cpu"] = (limits.cpu_seconds, resource.RLIMIT_CPU)
    if holding.memory.strength != "hard":
        bounds["data"] = (int(limits.memory), resource.RLIMIT_DATA)
    if not holding.processes.mechanism.startswith("control"):
        bounds["nproc"] = (limits.processes + 2, resource.RLIMIT_NPROC)
    arguments = [_tool("prlimit")]
    for name, (value, number) in bounds.items():
        _, most = resource.getrlimit(number)
        bound = value if most == resource.RLIM_INFINITY else min(value, most)
        arguments.append(f"--{name}={bound}:{bound}")
    if os.geteuid() != 0:
        return arguments
    to_nobody = ["--reuid", str(ACCOUNT), "--regid", str(ACCOUNT), "--clear-groups"]
    powerless = ["--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all"]
    return [*arguments, _tool("setpriv"), *to_nobody, *powerless, "--"]


def _tool(name: str) -> str:
    if path := shutil.which(name, path="/usr/bin:/usr/sbin"):
        return path
    raise SandboxError(f"{name} is not in /usr/bin: sandboxes need it; install util-linux")
