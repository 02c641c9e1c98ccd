"""Credentials that anybody can verify: Open Badges 3.0, signed by the workspace's own key, with a status list."""
