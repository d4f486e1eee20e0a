"""The one root of the errors that a user of Sundbench may see.

A ``SundbenchError`` is the user's to mend: its message says what is wrong, where, and what to do, in one
line. The command line prints it without a traceback and exits with 1. Whatever is not a ``SundbenchError``
is a bug and keeps its traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class SundbenchError(Exception):
    """Something that the user can mend; the message is one line: what, where and what to do."""


class CatalogueError(SundbenchError):
    """A catalogue entry that is wrong, or a register or column that the catalogue doesn't know."""


class DeliveryError(SundbenchError):
    """A delivery that can't be read as it stands."""


class StoreError(SundbenchError):
    """A freeze, vault or extract that is missing, damaged, in use or already there."""


class PermitError(SundbenchError):
    """A permit that is invalid, expired, closed, or doesn't allow what was asked for."""


class DatabaseError(SundbenchError):
    """Governance's database can't be reached, or has another version's schema."""


class StudyError(SundbenchError):
    """A study protocol that is wrong, or that asks for what its extract can't give."""


class MethodError(SundbenchError):
    """Data on which a statistical or economic method is not defined."""


class DisclosureError(SundbenchError):
    """An output that may not leave as it is."""


class SandboxError(SundbenchError):
    """A sandbox that can't be made here as its policy asks."""


class AuditError(SundbenchError):
    """The audit log can't be written, or is not what its writer left."""


class HubError(SundbenchError):
    """A hub that can't start or go on as it is set up."""


class ClusterError(SundbenchError):
    """Slurm, or an account of its jobs, that is not as a cluster of Sundbench's needs it."""


class ReleaseError(SundbenchError):
    """A run, release or report in a state that doesn't allow what was asked for."""


def one_line(error: ValidationError, where: str) -> str:
    """Say pydantic's validation errors in one line.

    Args:
        error: what pydantic raised.
        where: the file or object that was being checked, to begin the line with.

    Returns:
        ``where: field: message; field: message``, at most five of them. Values are not echoed: they may
        come from a person column.
    """
    problems = error.errors(include_url=False, include_input=False)
    parts = [
        f"{'.'.join(str(step) for step in p['loc']) or 'file'}: {p['msg'].removeprefix('Value error, ')}"
        for p in problems[:5]
    ]
    if len(problems) > 5:
        parts.append(f"and {len(problems) - 5} more")
    return f"{where}: " + "; ".join(parts)
