"""The numbered steps that bring a database to a version."""
