"""Changes of the results store's schema, in alembic's form; `env` and `versions` are run by it."""
