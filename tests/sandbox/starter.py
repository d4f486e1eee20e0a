"""Starts one program in a sandbox, as another program of the host would: what, on standard input, in JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sundbench.sandbox.launch import start
from sundbench.sandbox.policy import Limits, read


def main() -> None:
    asked = json.load(sys.stdin)
    if asked["folder_of_leak"]:  # an open folder of the host, not closed on exec: must not be inherited
        os.set_inheritable(os.open(asked["folder_of_leak"], os.O_RDONLY), True)
    sandboxed = start(
        read(Path(asked["policy"])),
        asked["argv"],
        mounts={name: Path(folder) for name, folder in asked["mounts"].items()},
        environment=asked["environment"],
        limits=Limits.model_validate(asked["limits"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        name="test",
    )
    if asked["print_pid"]:
        while sandboxed.child_pid is None and sandboxed.poll() is None:
            pass
        print(json.dumps([sandboxed.pid, sandboxed.child_pid]), flush=True)
    assert sandboxed._process.stdout is not None
    said = sandboxed._process.stdout.read(1_000_000).decode()
    try:
        code = sandboxed.wait(asked["patience"])
    except TimeoutError:
        sandboxed.kill()
        code = None
    answer = {
        "code": code,
        "ending": sandboxed.ending,
        "said": said,
        "enforcement": {
            name: getattr(sandboxed.enforcement, name).strength
            for name in ("memory", "processes", "cpu", "file_size", "disk")
        },
    }
    print(json.dumps(answer))


main()
