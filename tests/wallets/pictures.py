"""Pictures of the pages on which a wallet is connected; called by `tests/pictures.py`."""

import re
from pathlib import Path

import httpx2 as httpx
from playwright.sync_api import Page

from wallets.conftest import Wallet

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


def open_fold(page: Page) -> None:
    """The offer to wallets on a credential's page."""
    page.get_by_text(re.compile("Add to a wallet")).click()
    page.wait_for_load_state("networkidle")
