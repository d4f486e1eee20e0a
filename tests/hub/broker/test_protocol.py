"""What a server may ask of its broker, and that nothing else is understood."""

import pytest

from sundbench.errors import HubError
from sundbench.hub.broker.protocol import List, Poll, Restore, Save, Signal, Start, Stop, Versions, parse

KERNEL = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (
            f'{{"do": "start", "kernel": "{KERNEL}", "policy": "register-data"}}',
            Start(kernel=KERNEL, policy="register-data"),
        ),
        (f'{{"do": "signal", "kernel": "{KERNEL}", "signum": 2}}', Signal(kernel=KERNEL, signum=2)),
        (f'{{"do": "poll", "kernel": "{KERNEL}"}}', Poll(kernel=KERNEL)),
        (f'{{"do": "stop", "kernel": "{KERNEL}"}}', Stop(kernel=KERNEL)),
        ('{"do": "list"}', List()),
        ('{"do": "save", "paths": ["a.py", "shared"]}', Save(paths=("a.py", "shared"))),
        ('{"do": "versions", "path": "a.py"}', Versions(path="a.py")),
        (
            f'{{"do": "restore", "path": "a.py", "version": "{"0" * 40}"}}',
            Restore(path="a.py", version="0" * 40),
        ),
    ],
)
def test_requests(line: str, request_: object) -> None:
    assert parse(line.encode()) == request_


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GET / HTTP/1.1",
        "[]",
        '{"do": "run"}',
        '{"do": "list", "all": true}',
        '{"do": "save", "paths": []}',
        '{"do": "save", "paths": ["a", "b", "c"]}',
        '{"do": "restore", "path": "a.py", "version": "HEAD"}',
        '{"do": "restore", "path": "a.py", "version": "--output=x"}',
        f'{{"do": "signal", "kernel": "{KERNEL}", "signum": 19}}',
        f'{{"do": "signal", "kernel": "{KERNEL}", "signum": "9"}}',
        '{"do": "poll", "kernel": "../../etc/passwd"}',
        f'{{"do": "start", "kernel": "{KERNEL}", "policy": "register-data", "argv": ["sh"]}}',
        f'{{"do": "start", "kernel": "{KERNEL}", "policy": "register-data", "mounts": {{"extract": "/"}}}}',
        f'{{"do": "start", "kernel": "{KERNEL}", "policy": "../server"}}',
        f'{{"do": "start", "kernel": "{KERNEL}"}}',
        f'{{"do": "start", "kernel": "{KERNEL}\\n", "policy": "register-data"}}',
    ],
)
def test_nothing_else(line: str) -> None:
    with pytest.raises(HubError, match="not a request") as refused:
        parse(line.encode())
    assert "passwd" not in str(refused.value)
