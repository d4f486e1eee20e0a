"""How Alembic reaches the database: over the connection that `sundbench.governance.database` gives it."""

from alembic import context

from sundbench.governance.models import Base

# The transaction is the caller's: a migration that fails leaves the schema as it was, on SQLite too.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
