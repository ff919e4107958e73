"""The store: one schema on SQLite and PostgreSQL, through SQLAlchemy Core, with migrations from the first day."""
