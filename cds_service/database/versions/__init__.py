"""The migrations, one a file, each from one schema to the next."""
