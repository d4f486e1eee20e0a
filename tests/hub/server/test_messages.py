"""What a page may say to a kernel."""

import json

import pytest
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

from sundbench.governance.audit.actions import Action
from sundbench.hub.server.messages import ALLOWED, NoMessageError, read


def v1(kind: str, content: object, channel: str = "shell", header: bytes | None = None) -> bytes:
    first = header or json.dumps({"msg_type": kind, "msg_id": "m1", "session": "s"}).encode()
    return serialize_msg_to_ws_v1([first, b"{}", b'{"cellId": "c1"}', json.dumps(content).encode()], channel)


def legacy(kind: str, content: object, channel: str = "shell") -> str:
    header = {"msg_type": kind, "msg_id": "m1"}
    return json.dumps({"header": header, "channel": channel, "content": content, "metadata": {}})


def test_an_execution_is_recorded_with_its_code_and_what_else_it_runs() -> None:
    content = {"code": "db['lmdb']", "silent": True, "user_expressions": {"a": "open('/data')"}}

    assert read(v1("execute_request", content), v1=True).record() == (
        Action.EXECUTE,
        {"message": "m1", "code": "db['lmdb']", "expressions": {"a": "open('/data')"}, "cell": "c1"},
    )
    assert read(legacy("execute_request", content), v1=False).record() is not None


@pytest.mark.parametrize(
    ("kind", "channel", "action"),
    [
        ("input_reply", "stdin", Action.INPUT),
        ("debug_request", "control", Action.DEBUG),
        ("comm_open", "shell", Action.COMM),
        ("comm_msg", "shell", Action.COMM),
    ],
)
def test_other_ways_of_running_something_are_recorded(kind: str, channel: str, action: Action) -> None:
    record = read(v1(kind, {"value": "x"}, channel), v1=True).record()

    assert record == (action, {"message": "m1", "content": {"value": "x"}})


@pytest.mark.parametrize("kind", ["complete_request", "inspect_request", "kernel_info_request"])
def test_what_runs_nothing_is_not(kind: str) -> None:
    assert read(v1(kind, {}), v1=True).record() is None


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("execute_request", "control"),  # a kernel would run it there too
        ("execute_request", "stdin"),
        ("execute_request", "iopub"),
        ("shutdown_request", "control"),
        ("apply_request", "shell"),
        ("usage_request", "control"),
        ("anything", "shell"),
    ],
)
def test_what_is_not_on_the_list_is_refused(kind: str, channel: str) -> None:
    with pytest.raises(NoMessageError):
        read(v1(kind, {"code": "1"}, channel), v1=True)


def test_what_was_recorded_is_what_is_sent() -> None:
    """A repeated key is code that one reader sees and another doesn't: the kernel gets one key."""
    twice = b'{"code": "harmless()", "code": "harmful()"}'
    header = b'{"msg_id": "m", "msg_type": "kernel_info_request", "msg_type": "execute_request"}'
    message = read(serialize_msg_to_ws_v1([header, b"{}", b"{}", twice], "shell"), v1=True)

    record = message.record()
    sent = message.parts()
    assert record is not None
    assert record[1]["code"] == "harmful()"
    assert sent[3] == b'{"code": "harmful()"}'
    assert sent[0].count(b"msg_type") == 1


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"\xff" * 40,
        "text",
        serialize_msg_to_ws_v1([b"{}", b"{}", b"{}"], "shell"),
        serialize_msg_to_ws_v1([b"[]", b"{}", b"{}", b"{}"], "shell"),
        v1("execute_request", {}),
        v1("execute_request", {"code": 7}),
        v1("", {}, header=b'{"msg_type": ["execute_request"], "msg_id": "m"}'),
        v1("", {}, header=b'{"msg_type": "execute_request"}'),
    ],
)
def test_what_is_no_message_goes_nowhere(received: str | bytes) -> None:
    with pytest.raises(NoMessageError):
        read(received, v1=True)


def test_buffers_go_along() -> None:
    received = serialize_msg_to_ws_v1(
        [b'{"msg_type": "comm_msg", "msg_id": "m"}', b"{}", b"{}", b"{}", b"\x00\x01"], "shell"
    )

    assert read(received, v1=True).parts()[4:] == [b"\x00\x01"]


def test_executions_are_on_one_channel_alone() -> None:
    assert [channel for channel, kinds in ALLOWED.items() if "execute_request" in kinds] == ["shell"]
