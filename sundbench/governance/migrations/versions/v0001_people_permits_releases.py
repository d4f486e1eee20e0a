"""People, permits with their versions, releases and their votes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "people",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_people")),
    )
    op.create_table(
        "permits",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.Column("closed_why", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('active', 'closed')", name=op.f("ck_permits_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permits")),
    )
    op.create_table(
        "people_roles",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "role in ('researcher', 'analyst', 'reviewer', 'steward', 'policymaker', 'admin')",
            name=op.f("ck_people_roles_role"),
        ),
        sa.ForeignKeyConstraint(["user"], ["people.user"], name=op.f("fk_people_roles_user_people")),
        sa.PrimaryKeyConstraint("user", "role", name=op.f("pk_people_roles")),
    )
    op.create_table(
        "permit_versions",
        sa.Column("permit_id", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("registered_by", sa.String(length=64), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name=op.f("fk_permit_versions_permit_id_permits")
        ),
        sa.PrimaryKeyConstraint("permit_id", "version", name=op.f("pk_permit_versions")),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("run", sa.String(length=100), nullable=False),
        sa.Column("permit_id", sa.String(length=30), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("outputs_digest", sa.String(length=64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('draft', 'submitted', 'in_review', 'approved', 'released', 'returned', 'rejected', "
            "'withdrawn')",
            name=op.f("ck_releases_state"),
        ),
        sa.ForeignKeyConstraint(["permit_id"], ["permits.id"], name=op.f("fk_releases_permit_id_permits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
    )
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_releases_permit_id"), ["permit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_releases_run"), ["run"], unique=False)

    op.create_table(
        "votes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision in ('approve', 'return', 'reject')", name=op.f("ck_votes_decision")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_votes_release_id_releases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
        sa.UniqueConstraint("release_id", "reviewer", name=op.f("uq_votes_release_id_reviewer")),
    )
