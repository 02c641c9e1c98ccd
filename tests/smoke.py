"""The main job once, with the real program, in seconds: `make smoke`.

Starts it with a demo world in a folder of its own, posts an interaction, lists it, opens the credential's page,
sends what that page's tracker would send, reads the counts, stops. Each step says what it saw.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from credtrail.client import Client

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def main() -> None:
    """Walk the main job from end to end; an AssertionError tells where it breaks."""
    with tempfile.TemporaryDirectory(prefix="credtrail-smoke-") as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CREDTRAIL_")}
        environment |= {
            "CREDTRAIL_DATABASE_URL": f"sqlite:///{Path(folder) / 'smoke.db'}",
            "CREDTRAIL_PUBLIC_URL": url,
        }
        program = [sys.executable, "-m", "credtrail"]
        made = subprocess.run(
            [*program, "demo", "--token"],
            env=environment,
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        say("made a demo world")
        serving = [*program, "serve", "--with-work", "--port", str(port)]
        with started(serving, environment, folder, url):
            say(f"serves on {url}")
            with (
                Client(made.stdout.strip(), url) as api,
                httpx.Client(base_url=url, trust_env=False) as browser,
            ):
                walk(api, browser)
        say("stopped")


def walk(api: Client, browser: httpx.Client) -> None:
    """Post, list, view, count."""
    credential = next(one for one in api.credentials.list() if one.status == "issued")
    before = list(api.interactions.list(credential_id=credential.id))
    posted = api.interactions.create(
        credential_id=credential.id,
        event_type="credential_shared_to_linkedin",
        triggered_by="recipient",
        triggered_at="2024-03-12T17:33:05.784Z",
    )
    say("posted an interaction")

    newest = next(api.interactions.list(credential_id=credential.id))
    assert newest == posted, newest
    say("the list shows it first")

    address = f"/credentials/{credential.public_id}"
    page = browser.get(address, headers={"User-Agent": BROWSER})
    assert page.status_code == 200, page.text
    token = re.search(r'data-token="([\w-]+)"', page.text)
    assert token, "the page has no page token"
    say("opened the credential's page")

    time.sleep(1)  # as long as a view takes
    report = {
        "token": token[1],
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "visibleMs": 1_000,
    }
    origin = str(browser.base_url).rstrip("/")
    viewed = browser.post(
        f"{address}/interactions", json=report, headers={"User-Agent": BROWSER, "Origin": origin}
    )
    assert viewed.status_code == 204, viewed.text
    assert "credtrail-set-aside" not in viewed.headers, viewed.headers
    say("reported a view, as the page's tracker does: 204")

    after = list(api.interactions.list(credential_id=credential.id))
    assert len(after) == len(before) + 2, (len(before), len(after))
    assert (after[0].event_type, after[0].triggered_by) == ("credential_viewed", "guest")
    say(f"the list shows both: {len(before)} before, {len(after)} now")

    numbers = browser.get("/metrics").text
    assert re.search(r"^credtrail_commit_items_sum 2\.0$", numbers, re.M), numbers
    say("the count of recorded interactions says two")


@contextmanager
def started(command, environment, folder, url):
    """The program, running until the end of the block; stopped by its own process id."""
    process = subprocess.Popen(command, env=environment, cwd=folder)
    try:
        wait_until_ready(process, url)
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, f"it ended with status {process.returncode}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def wait_until_ready(process, url):
    """Ask /readyz until it says yes, for at most half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=1, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the program did not come up")


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def say(sentence: str) -> None:
    """One line for the one who watches."""
    print(f"✓ {sentence}", flush=True)


if __name__ == "__main__":
    main()
