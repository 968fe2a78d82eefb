"""The database: tables, engines and migrations, for SQLite and PostgreSQL alike."""
