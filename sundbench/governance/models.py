"""The tables of governance's database: people, permits, and the requests to let outputs out.

Only decisions about people live here, never data: no row of this database holds or points to a person of
a register.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Role(StrEnum):
    """What a person may do; on the whole site (`Person.roles`) or in one permit (`Permit.members`)."""

    RESEARCHER = "researcher"
    ANALYST = "analyst"
    REVIEWER = "reviewer"
    STEWARD = "steward"
    POLICYMAKER = "policymaker"
    ADMIN = "admin"


class PermitState(StrEnum):
    """Whether a permit may be used; expiry is a date in the permit, not a state."""

    ACTIVE = "active"
    CLOSED = "closed"


class ReleaseState(StrEnum):
    """Where a release stands.

    ``draft -> submitted -> in_review -> approved -> released``, or ``returned -> submitted``, ``rejected``,
    ``withdrawn``. Which steps are allowed is the release room's business.
    """

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    RELEASED = "released"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Decision(StrEnum):
    """What one reviewer says of one release."""

    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC: SQLite forgets time zones, so they are put on again when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; a moment without a time zone is a bug of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} in ({', '.join(repr(value.value) for value in values)})"


class Base(DeclarativeBase):
    """What all tables share: constraints have names, so that migrations can alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class PersonRole(Base):
    """One role that one person has on the whole site."""

    __tablename__ = "people_roles"
    __table_args__ = (CheckConstraint(_one_of("role", Role), name="role"),)

    user: Mapped[str] = mapped_column(ForeignKey("people.user"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)


class Person(Base):
    """Someone who works with Sundbench (never a person of the registers).

    Attributes:
        user: the user name, lower case; the hub's and the operating system's.
        name: the full name, as shown to others.
        granted: the roles on the whole site, one row each.
        created: when the person was added.
    """

    __tablename__ = "people"

    user: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    granted: Mapped[list[PersonRole]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by=PersonRole.role
    )

    @property
    def roles(self) -> frozenset[Role]:
        """The roles on the whole site."""
        return frozenset(Role(grant.role) for grant in self.granted)


class PermitRecord(Base):
    """A permit as the database remembers it: its state, and every version of its text.

    Attributes:
        id: the permit's slug.
        state: active or closed.
        closed_at, closed_by, closed_why: None while active.
        versions: what was registered, oldest first; the last one holds.
    """

    __tablename__ = "permits"
    __table_args__ = (CheckConstraint(_one_of("state", PermitState), name="state"),)

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default=PermitState.ACTIVE.value)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(64))
    closed_why: Mapped[str | None] = mapped_column(Text)
    versions: Mapped[list[PermitVersion]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="PermitVersion.version"
    )


class PermitVersion(Base):
    """One registered text of a permit: the first, or an amendment. Never changed, never deleted.

    Attributes:
        permit_id: the permit.
        version: 1, 2, ...
        digest: `Permit.digest`, which says what the text means.
        text: the TOML file as it was registered.
        registered_by, registered_at: who and when.
    """

    __tablename__ = "permit_versions"

    permit_id: Mapped[str] = mapped_column(ForeignKey("permits.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    registered_by: Mapped[str] = mapped_column(String(64))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Release(Base):
    """A request to let a run's outputs out.

    Attributes:
        id: the release's id, chosen by the release room.
        run: the run's id.
        permit_id: the permit that the run's extract belongs to.
        author: user name of who asks.
        state: a `ReleaseState`.
        outputs_digest: SHA-256 over the outputs' digests: when it changes, the votes no longer count.
        created, updated: moments, UTC; ``updated`` follows every change by itself.
        note: what the author says of the outputs.
        votes: what the reviewers said, oldest first.
    """

    __tablename__ = "releases"
    __table_args__ = (CheckConstraint(_one_of("state", ReleaseState), name="state"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    run: Mapped[str] = mapped_column(String(100), index=True)
    permit_id: Mapped[str] = mapped_column(ForeignKey("permits.id"), index=True)
    author: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20), default=ReleaseState.DRAFT.value)
    outputs_digest: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    note: Mapped[str] = mapped_column(Text, default="")
    votes: Mapped[list[Vote]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="Vote.id"
    )


class Vote(Base):
    """What one reviewer decided on one release; at most one vote each.

    Attributes:
        id: rises with time.
        release_id: the release.
        reviewer: user name.
        decision: a `Decision`.
        comment: why.
        at: moment, UTC.
    """

    __tablename__ = "votes"
    __table_args__ = (
        UniqueConstraint("release_id", "reviewer"),
        CheckConstraint(_one_of("decision", Decision), name="decision"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id"))
    reviewer: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(10))
    comment: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
