"""Who is not a person: known robots by their user agent, prefetching and automation by what the browser says.

The list of known robots is the kept one of the package crawler-user-agents, with our additions for what it
misses, and a rule of form. In-app browsers of the networks (Facebook's, LinkedIn's, WeChat's …) are people.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from crawleruseragents import is_crawler

from credtrail.interactions.visits import Reason

_BROWSERS = ("Mozilla/5.0 (", "Mozilla/4.0 (", "Opera/")
"""Every browser begins its user agent so; command-line tools, HTTP libraries and mail programs name themselves."""

_MORE_ROBOTS = re.compile(
    "|".join(
        (
            r"Bluesky Cardyb",
            r"HeadlessChrome",
            r"PhantomJS",
            r"\b(Playwright|Puppeteer|Selenium)\b",
            r"Barracuda",
            r"Proofpoint",
            r"Mimecast",
            r"Zscaler",
            r"GoogleImageProxy",
            r"Google-PageRenderer",
            r"ms-office",
            r"Microsoft Outlook",
        )
    ),
    re.IGNORECASE,
)


@lru_cache(maxsize=2_048)
def is_robot(user_agent: str) -> bool:
    """Whether this user agent is a known robot, preview fetcher, mail scanner or tool; an empty one is."""
    return (
        not user_agent.startswith(_BROWSERS)
        or _MORE_ROBOTS.search(user_agent) is not None
        or is_crawler(user_agent)
    )


def find_reason(headers: Mapping[str, str], *, automated: bool) -> Reason | None:
    """Why this request is not a person's, from its headers (names in lower case) and the page's own word.

    `automated`: the browser said that a program drives it (navigator.webdriver).
    """
    purpose = f"{headers.get('sec-purpose', '')} {headers.get('purpose', '')} {headers.get('x-moz', '')}"
    if "prefetch" in purpose or "prerender" in purpose:
        return "prefetch"
    if is_robot(headers.get("user-agent", "")):
        return "robot"
    return "automation" if automated else None
