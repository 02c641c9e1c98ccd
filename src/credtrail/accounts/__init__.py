"""Who may do what: workspaces and access tokens."""
