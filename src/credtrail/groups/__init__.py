"""Groups: what a set of credentials has in common."""
