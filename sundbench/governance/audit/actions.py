"""The names of what is recorded. One list, so that filters and alarms can be written against it."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What was done, or was refused: `<thing>.<what became of it>`."""

    LOGIN = "login"
    LOGIN_REFUSED = "login.refused"
    LOGOUT = "logout"

    HUB_START = "hub.start"
    HUB_STOP = "hub.stop"
    HUB_REFUSED = "hub.refused"
    """A request that the hub turned away: a token, an address or a project that isn't the asker's."""

    SERVER_START = "server.start"
    SERVER_STOP = "server.stop"
    SERVER_REFUSED = "server.refused"
    SERVER_ADOPT = "server.adopt"

    KERNEL_START = "kernel.start"
    KERNEL_STOP = "kernel.stop"
    KERNEL_RESTART = "kernel.restart"
    KERNEL_INTERRUPT = "kernel.interrupt"
    KERNEL_REFUSED = "kernel.refused"

    EXECUTE = "execute"
    EXECUTE_REFUSED = "execute.refused"
    INPUT = "input"
    DEBUG = "debug"
    COMM = "comm"

    CONTENTS_SAVE = "contents.save"
    """An earlier version was brought back; what is saved otherwise is in the workspace's own versions."""
    CONTENTS_REFUSED = "contents.refused"
    DOWNLOAD_REFUSED = "download.refused"
    UPLOAD_REFUSED = "upload.refused"
    SERVER_REQUEST_REFUSED = "request.refused"

    WORKSPACE_CLOSE = "workspace.close"
    WORKSPACE_REOPEN = "workspace.reopen"
    WORKSPACE_DELETE = "workspace.delete"
    WORKSPACE_READ = "workspace.read"
    WORKSPACE_RESTORE = "workspace.restore"
    PACKAGE_REQUEST = "package.request"

    DASHBOARD_OPEN = "dashboard.open"
    DASHBOARD_REFUSED = "dashboard.refused"

    PEOPLE_CHANGE = "people.change"
    PASSWORD_CHANGE = "password.change"  # noqa: S105 - a name
    IDENTITY_CHANGE = "identity.change"
    """A name was bound to an account of the identity provider's, or released."""
    PERMIT_CREATE = "permit.create"
    PERMIT_AMEND = "permit.amend"
    PERMIT_CLOSE = "permit.close"

    VAULT_ROTATE = "vault.rotate"
    """All that the vault holds was sealed with a new key."""
    KEY_RENEW = "key.renew"
    """Manifests and releases are signed with a new key."""
    ACCOUNT_SET_UP = "account.set-up"
    EXTRACT_START = "extract.start"
    EXTRACT_MAKE = "extract.make"
    RUN_START = "run.start"
    RUN_END = "run.end"
    JOB_END = "job.end"
    """A job under a project's account was ended that is no server, and no run that anybody ordered."""
    RELEASE_SUBMIT = "release.submit"
    RELEASE_VOTE = "release.vote"
    RELEASE_WITHDRAW = "release.withdraw"
    RELEASE_PUBLISH = "release.publish"
    REPORT_PUBLISH = "report.publish"

    # The log's own: only its writer records these.
    AUDIT_BEGIN = "audit.begin"
    AUDIT_START = "audit.start"
    AUDIT_STOP = "audit.stop"
    AUDIT_REPAIR = "audit.repair"
    AUDIT_REFUSED = "audit.refused"
    AUDIT_RETIRE = "audit.retire"
    AUDIT_EXPORT = "audit.export"
    SECRET_REGISTER = "secret.register"  # noqa: S105 - a name
    SECRET_FORGET = "secret.forget"  # noqa: S105 - a name


RESERVED = frozenset(
    {
        Action.AUDIT_BEGIN,
        Action.AUDIT_START,
        Action.AUDIT_STOP,
        Action.AUDIT_REPAIR,
        Action.AUDIT_REFUSED,
        Action.AUDIT_RETIRE,
        Action.SECRET_REGISTER,
        Action.SECRET_FORGET,
    }
)
"""What no client may record, whoever it is: it would be the log speaking of itself."""

SERVER = frozenset(
    {
        Action.KERNEL_START,
        Action.KERNEL_STOP,
        Action.KERNEL_RESTART,
        Action.KERNEL_INTERRUPT,
        Action.KERNEL_REFUSED,
        Action.EXECUTE,
        Action.EXECUTE_REFUSED,
        Action.INPUT,
        Action.DEBUG,
        Action.COMM,
        Action.CONTENTS_SAVE,
        Action.CONTENTS_REFUSED,
        Action.DOWNLOAD_REFUSED,
        Action.UPLOAD_REFUSED,
        Action.SERVER_REQUEST_REFUSED,
        Action.PACKAGE_REQUEST,
    }
)
"""What a project's server and its broker may record with the secret of one start."""
