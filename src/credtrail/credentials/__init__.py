"""Credentials: what an interaction belongs to."""
