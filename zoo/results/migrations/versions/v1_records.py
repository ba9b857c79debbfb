"""Records and samples; also for databases made before versions were recorded."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

_INDEXES = (
    *(("records", column) for column in ("run", "kind", "key")),
    ("samples", "key"),
)


def upgrade() -> None:
    """Makes the tables, their indexes and SQLite's triggers, unless they are there."""
    op.create_table(
        "records",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run", sa.String(200), nullable=False),
        sa.Column("step", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("nanoseconds", sa.LargeBinary, nullable=False),
        if_not_exists=True,
    )
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column], if_not_exists=True)
    if op.get_context().dialect.name == "sqlite":
        # The database itself refuses to change or remove what was recorded.
        for table in ("records", "samples"):
            for action in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {table}_no_{action.lower()} "
                    f"BEFORE {action} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END"
                )
