"""Which of several forms of the same thing a request wants. Called by the faces that offer more than one."""

from starlette.requests import Request

JSON_TYPES = ("application/vc+ld+json", "application/vc", "application/ld+json", "application/json")
"""What a signed credential may be asked for as. Source: Open Badges 3.0; the last W3C text names the second."""


def prefer(request: Request, offered: tuple[str, ...]) -> str:
    """The media type that a request likes best; the first of those that it likes as much. Source: RFC 9110, 12.5.1."""
    wanted: list[tuple[str, float]] = []
    for one in request.headers.get("accept", "*/*").split(","):
        name, _, parameters = one.strip().lower().partition(";")
        weight = next(
            (part.strip()[2:] for part in parameters.split(";") if part.strip().startswith("q=")), "1"
        )
        try:
            wanted.append((name.strip(), float(weight)))
        except ValueError:
            continue

    def liking(media_type: str) -> float:
        exact = [weight for name, weight in wanted if name == media_type]
        kind = [weight for name, weight in wanted if name == media_type.split("/")[0] + "/*"]
        any_ = [weight for name, weight in wanted if name == "*/*"]
        return (exact or kind or any_ or [0.0])[0]

    return max(offered, key=liking)
