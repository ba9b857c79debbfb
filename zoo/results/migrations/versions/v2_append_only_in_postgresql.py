"""Append-only triggers for PostgreSQL, like those of SQLite."""

from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Makes PostgreSQL's triggers."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION zoo_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'records are append-only'; END $$"
    )
    for table in ("records", "samples"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION zoo_append_only()"
        )
