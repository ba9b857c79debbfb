"""Each record has a token, by which none is added twice; names of any length in PostgreSQL."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


_NO_REPLACE = (
    "CREATE TRIGGER records_no_replace BEFORE INSERT ON records "
    "WHEN EXISTS (SELECT 1 FROM records WHERE id = NEW.id OR token = NEW.token) "
    "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END",
    "CREATE TRIGGER samples_no_replace BEFORE INSERT ON samples "
    "WHEN EXISTS (SELECT 1 FROM samples WHERE id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END",
)


def upgrade() -> None:
    """Adds the column and its index; SQLite's triggers also refuse to replace a record."""
    op.add_column("records", sa.Column("token", sa.String(32)))
    op.create_index("ix_records_token", "records", ["token"], unique=True)
    if op.get_context().dialect.name == "postgresql":
        for column in ("run", "step"):
            op.alter_column("records", column, type_=sa.Text)
        return
    # INSERT OR REPLACE deletes without asking the triggers of DELETE.
    for statement in _NO_REPLACE:
        op.execute(statement)
