"""Runs migrations on the caller's connection, in its transaction."""

from alembic import context

from zoo.results.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
