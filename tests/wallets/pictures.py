"""Pictures of the pages on which a wallet is connected; called by `tests/pictures.py`."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
from playwright.sync_api import Page

from wallets.conftest import ROBIN, Wallet

_LONG = "Verzeichnis aller meiner Zeugnisse, Abzeichen und Bescheinigungen " * 2


def take_wallet_pictures(page: Page, url: str, tail: str, folder: Path) -> int:
    """Each step, in English and Arabic, with a wallet of a usual and of a long name; how many."""
    count = 0

    def take(name: str) -> None:
        nonlocal count
        page.screenshot(path=folder / f"wallet-{name}-{tail}.png", full_page=True)
        count += 1

    with httpx.Client(base_url=url) as client:
        wallet = Wallet(client, url)
        for kind, said in (("usual", {}), ("long", {"client_name": _LONG[:100]})):
            wallet.register(**said)
            for language in ("en", "ar"):
                asked = httpx.URL(url + wallet.authorize_at, params={**wallet.request(), "lang": language})
                page.goto(str(asked))
                take(f"{kind}-address-{language}")
                page.locator("#email").fill(f"{kind}.{language}.{tail}@learner.example")
                page.locator("button[value=ask]").click()
                page.locator("#code").fill("123456")
                page.locator("button[value=prove]").click()
                page.wait_for_selector("[aria-invalid]")
                take(f"{kind}-code-{language}")
    page.goto(f"{url}/wallets")
    take("connections-address")
    page.goto(f"{url}/oauth/authorize?client_id=none")
    take("unsound")
    return count


def take_connection_pictures(
    page: Page, url: str, tail: str, folder: Path, read_code: Callable[[], str]
) -> int:
    """A wallet that is connected, and none any more; `read_code` looks into Robin's mailbox."""
    page.route("https://wallet.example/**", lambda route: route.fulfill(body="The wallet"))
    with httpx.Client(base_url=url) as client:
        wallet = Wallet(client, url)
        wallet.register(client_name=_LONG[:100])
        page.goto(str(httpx.URL(url + wallet.authorize_at, params=wallet.request())))
        _type_code(page, read_code)
        page.wait_for_url("https://wallet.example/**")
        wallet.fetch(parse_qs(urlsplit(page.url).query)["code"][0])
    page.goto(f"{url}/wallets")
    _type_code(page, read_code)
    page.locator("ul.connections").wait_for()
    page.screenshot(path=folder / f"wallet-connections-{tail}.png", full_page=True)
    page.locator("button[value=disconnect]").click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"wallet-connections-none-{tail}.png", full_page=True)
    return 2


def _type_code(page: Page, read_code: Callable[[], str]) -> None:
    page.locator("#email").fill(ROBIN)
    page.locator("button[value=ask]").click()
    page.locator("#code").wait_for()  # the mail is on its way then
    page.locator("#code").fill(read_code())
    page.locator("button[value=prove]").click()


def open_fold(page: Page) -> None:
    """The offer to wallets on a credential's page."""
    page.get_by_text(re.compile("Add to a wallet")).click()
    page.wait_for_load_state("networkidle")
