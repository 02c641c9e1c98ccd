"""Who is not a person: known robots by their user agent, prefetching and automation by what the browser says.

Called by `reports.py`. The list of known robots is the kept one of the package crawler-user-agents, with our
additions for what it misses, our exceptions for what it takes for a robot and isn't, and a rule of form. In-app
browsers of the networks (Facebook's, LinkedIn's, WeChat's …) are people. Mail scanners that bear an ordinary
browser's name can't be known here: `reports.py` waits for their hands.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from crawleruseragents import is_crawler

from credtrail.interactions.model import Reason

_BROWSERS = ("Mozilla/5.0 (", "Mozilla/4.0 (", "Opera/")
"""Every browser begins its user agent so; command-line tools, HTTP libraries and mail programs name themselves."""

_IN_APP = re.compile(r"\b(Viber|WhatsApp)/\d[\w.]*")
"""Inside a browser's user agent: somebody reads in that app. The apps' own fetchers don't look like browsers; the
kept list goes by the name alone."""

_MORE_ROBOTS = re.compile(
    "|".join(
        (
            # previews of links
            r"Bluesky Cardyb",
            r"\b(Mattermost|Zulip|Rocket\.Chat|Nextcloud)\b.*\b(Preview|Crawler|Server|Bot)\b",
            r"MicrosoftPreview|SkypeUriPreview|BingPreview",
            # programs that drive a browser, or imitate one
            r"HeadlessChrome|PhantomJS|SlimerJS|HtmlUnit|jsdom",
            r"\b(Playwright|Puppeteer|Selenium|WebDriver|Cypress|TestCafe)\b",
            # gateways and programs of mail
            r"Barracuda|Proofpoint|Mimecast|Zscaler|IronPort|Trend ?Micro|FireEye|Trellix|MessageLabs",
            r"Forcepoint|FortiMail|Cisco-?ESA|Hornetsecurity|Vade ?Secure|SafeLinks|urldefense",
            r"GoogleImageProxy|YahooMailProxy|Google-PageRenderer|Google-Safety",
            r"ms-office|Microsoft Outlook",
            # what reads for language models
            r"\b(GPTBot|ChatGPT-User|OAI-SearchBot|ClaudeBot|Claude-(Web|User|SearchBot)|anthropic-ai|PerplexityBot)\b",
            r"\b(Perplexity-User|Google-Extended|Applebot-Extended|Bytespider|CCBot|cohere-ai|MistralAI-User)\b",
            r"\b(Amazonbot|Diffbot|YouBot|DuckAssistBot|meta-external\w+)\b",
            # by the word itself
            r"\b(bot|crawler|spider|scraper)\b",
        )
    ),
    re.IGNORECASE,
)

_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


@lru_cache(maxsize=2_048)
def is_robot(user_agent: str) -> bool:
    """Whether this user agent is a known robot, preview fetcher, mail scanner or tool; an empty one is."""
    if not user_agent.startswith(_BROWSERS):
        return True
    bare = _IN_APP.sub("", user_agent)
    return _MORE_ROBOTS.search(bare) is not None or is_crawler(bare)


def find_reason(headers: Mapping[str, str], *, automated: bool) -> Reason | None:
    """Why this request is not a person's, from its headers (names in lower case) and the page's own word.

    `automated`: the browser said that a program drives it (navigator.webdriver).
    """
    if any(_AHEAD.search(headers.get(name, "")) for name in ("sec-purpose", "purpose", "x-purpose", "x-moz")):
        return "prefetch"
    if is_robot(headers.get("user-agent", "")):
        return "robot"
    return "automation" if automated else None
