"""What the issuer opens every morning: pages behind a sign-in, drawn by the server.

`door.py` lets in, `parts.html` and `layout.html` are what the pages are made of, and each other file is one part of
the dashboard: its views (`views()`, wired by `app`), beside them its templates. Nothing is counted here and nothing
decided: views read forms, call the slices below, and show.
"""
