"""Runs migrations on the connection, and in the transaction, of who asked for them."""

from alembic import context

from zoo.results.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
