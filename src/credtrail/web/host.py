"""Which host a request was sent to. Called by the faces of workspaces with domains of their own."""

from urllib.parse import urlsplit

from starlette.requests import Request


def host_of(request: Request) -> str:
    """The host name that a request was sent to, without port; empty where it says none."""
    try:
        return (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""
