"""What clients ask of the writer, read from their messages: the border where nothing is believed."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import RESERVED, Action
from sundbench.governance.audit.places import digest
from sundbench.governance.audit.record import Entry
from sundbench.governance.audit.registrations import Registration, Registrations

_OBJECT_CHARACTERS = 2000
_NAME_CHARACTERS = 200
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ACTIONS = frozenset(Action)
_CLAIMS = ("actor", "permit", "extract")


class RefusedError(AuditError):
    """A message that the writer doesn't follow.

    Attributes:
        actor, permit, extract: whose secret it came with; the actor is empty for an unknown one.
        never: the same message would be refused again, with whatever secret.
    """

    def __init__(self, why: str, by: Registration | None = None, *, never: bool = False) -> None:
        super().__init__(f"the audit log's writer refuses: {why}")
        self.actor = by.actor if by else ""
        self.permit = by.permit if by else None
        self.extract = by.extract if by else None
        self.why = why
        self.never = never


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        number: the client's own, which comes back with the answer.
        entry: what is to be recorded; None where only the state is asked for.
        change: how the known secrets change with it: a digest, and whose it is from now on (None: nobody's).
        retire: who asks for old segments to be removed.
    """

    number: int
    entry: Entry | None
    change: tuple[str, Registration | None] | None = None
    retire: str | None = None


def number_of(line: bytes) -> int:
    """The number of a message that may be nonsense; 0 where it has none."""
    try:
        number = json.loads(line)["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return number if isinstance(number, int) else 0


def read(line: bytes, known: Registrations, authority: str) -> Request:
    """Read a message.

    Args:
        line: the message.
        known: whose secrets are known.
        authority: the secret of the hub.

    Raises:
        RefusedError: it isn't one, or asks for what its secret doesn't allow.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise RefusedError("not a message") from None
    if not isinstance(message, dict) or not isinstance(message.get("id"), int):
        raise RefusedError("not a message")
    secret = message.get("secret")
    if not isinstance(secret, str):
        raise RefusedError("no secret")
    key = digest(secret)
    if hmac.compare_digest(key, digest(authority)):
        return _of_authority(message)
    registration = known.find(key)
    if registration is None:
        raise RefusedError("unknown secret")
    return _of_client(message, registration)


def _of_client(message: dict[str, Any], by: Registration) -> Request:
    if message.get("do") != "record":
        raise RefusedError("only the hub may do that", by)
    claimed = [name for name in _CLAIMS if name in message]
    if claimed:
        raise RefusedError(f"who records is known from the secret: {', '.join(claimed)} can't be claimed", by)
    action = message.get("action")
    if action not in by.actions:
        raise RefusedError(f"{str(action)[:40]!r} is not among what this secret may record", by)
    return Request(message["id"], _entry(message, by))


def _of_authority(message: dict[str, Any]) -> Request:
    what: Literal["record", "register", "forget", "retire", "state"] = message.get("do")  # type: ignore[assignment]
    if what == "state":
        return Request(message["id"], None)
    if what == "retire":
        return Request(message["id"], None, retire=_name(message, "actor"))
    if what == "record":
        by = Registration(
            _name(message, "actor"), _optional(message, "permit"), _optional(message, "extract"), ()
        )
        return Request(message["id"], _entry(message, by))
    key = message.get("digest")
    if what not in {"register", "forget"} or not isinstance(key, str) or not _DIGEST.fullmatch(key):
        raise RefusedError("not a message")
    if what == "forget":
        return Request(message["id"], Entry("hub", Action.SECRET_FORGET, key[:16]), (key, None))
    actions = message.get("actions")
    if not isinstance(actions, list) or not all(_may_be_recorded(action) for action in actions):
        raise RefusedError("it may only be registered for actions that there are, and not the log's own")
    registration = Registration(
        _name(message, "actor"), _optional(message, "permit"), _optional(message, "extract"), tuple(actions)
    )
    entry = Entry(
        "hub",
        Action.SECRET_REGISTER,
        key[:16],
        {"for": registration.actor, "actions": sorted(actions)},
        registration.permit,
        registration.extract,
    )
    return Request(message["id"], entry, (key, registration))


def _entry(message: dict[str, Any], by: Registration) -> Entry:
    action, thing, detail = message.get("action"), message.get("object"), message.get("detail", {})
    if not isinstance(action, str) or not _may_be_recorded(action):
        raise RefusedError(f"{str(action)[:40]!r} is no action that may be recorded", by, never=True)
    if not isinstance(thing, str) or len(thing) > _OBJECT_CHARACTERS:
        raise RefusedError(
            f"the object must be text of at most {_OBJECT_CHARACTERS:,} characters", by, never=True
        )
    if not isinstance(detail, dict) or not _is_json(detail):
        raise RefusedError("the detail must be a JSON object", by, never=True)
    return Entry(by.actor, action, thing, detail, by.permit, by.extract)


def _may_be_recorded(action: object) -> bool:
    return isinstance(action, str) and action in _ACTIONS and action not in RESERVED


def _is_json(detail: dict[str, Any]) -> bool:
    """Whether it can be written again: Python reads NaN, and numbers and depths that it can't write."""
    try:
        json.dumps(detail, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def _name(message: dict[str, Any], field: str) -> str:
    name = message.get(field)
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARACTERS:
        raise RefusedError(f"{field} must be a name", never=True)
    return name


def _optional(message: dict[str, Any], field: str) -> str | None:
    return None if message.get(field) is None else _name(message, field)
