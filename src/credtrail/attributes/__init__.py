"""Attributes: what a workspace's credentials say beside name and dates."""
