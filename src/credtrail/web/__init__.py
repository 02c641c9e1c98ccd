"""Manners of HTTP; knows no feature."""
