// Tells the server what a person does on a credential's page; docs/tracking.md says what counts as what.
(() => {
  "use strict";

  const page = document.documentElement.dataset;
  const home = `/credentials/${page.credential}`;
  const key = `credtrail:recipient:${page.credential}`;
  const SEEN_MS = 1_000;
  const STALE_MS = 5 * 3_600_000; // a page token lives six hours
  const find = (selector) => document.querySelector(selector);
  const listen = (name, act) => document.addEventListener(name, act);

  // Recipient or guest

  let flagged = false; // for this page, where storage throws

  function takeFlag() {
    const parts = location.search.slice(1).split("&");
    const kept = parts.filter((part) => !/^(recipient|isRecipient)(=|$)/.test(part));
    if (kept.length === parts.length) return;
    if (parts.includes("recipient=true") || parts.includes("isRecipient=true")) remember();
    const query = kept.length ? `?${kept.join("&")}` : "";
    history.replaceState(history.state, "", location.pathname + query + location.hash);
  }

  function remember() {
    try {
      localStorage.setItem(key, "true");
    } catch {
      flagged = true;
    }
  }

  function actor() {
    try {
      return flagged || localStorage.getItem(key) ? "recipient" : "guest";
    } catch {
      return "guest";
    }
  }

  // Reporting

  function report(eventType) {
    const automated = navigator.webdriver === true;
    const body = JSON.stringify({ token: page.token, eventType, triggeredBy: actor(), automated });
    const headers = { "content-type": "application/json" };
    // keepalive: a click that leaves the page counts too
    fetch(`${home}/interactions`, { method: "POST", body, headers, keepalive: true }).catch(() => {});
  }

  // Acts after one second of being visible in total.
  function onceSeen(act) {
    let left = SEEN_MS;
    let since = null;
    let timer;
    function look() {
      clearTimeout(timer);
      if (since !== null) left -= performance.now() - since;
      since = document.visibilityState === "visible" ? performance.now() : null;
      if (since !== null) timer = setTimeout(finish, left);
    }
    function finish() {
      document.removeEventListener("visibilitychange", look);
      act();
    }
    listen("visibilitychange", look);
    look();
  }

  // A tab that comes to the front after hours gets a fresh token; it stays the same view.
  let tokenSince = Date.now();
  let renewal = Promise.resolve();

  function renewWhenStale() {
    if (document.visibilityState !== "visible" || Date.now() - tokenSince < STALE_MS) return;
    tokenSince = Date.now();
    renewal = fetch(home)
      .then((answer) => answer.text())
      .then((text) => new DOMParser().parseFromString(text, "text/html").documentElement.dataset)
      .then((fresh) => (page.token = fresh.token ?? page.token))
      .catch(() => {});
  }

  // What people do

  function say(text) {
    find("#message").textContent = text;
  }

  async function copyLink() {
    const address = find("link[rel=canonical]").href;
    const copied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
    if (copied || copyBySelecting(address)) {
      report("credential_link_copied");
      say("Link copied.");
    } else {
      say(`Not copied. The link is ${address}`);
    }
  }

  // Plain http has no clipboard object.
  function copyBySelecting(text) {
    const focused = document.activeElement;
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused.focus();
    return copied;
  }

  let checking = false;

  async function verify(link) {
    checking = true;
    try {
      const answer = await fetch(link.href, { headers: { "x-requested-with": "credtrail" } });
      if (!answer.ok) throw new Error();
      find("#verification").innerHTML = await answer.text(); // escaped by the server
      say("");
    } catch {
      say("The check did not work. Try again.");
    }
    checking = false;
  }

  function act(event) {
    const target = event.target.closest("[data-action]");
    if (!target || event.button > 1) return;
    const what = target.dataset.action;
    const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey; // a new tab
    if (what === "linkedin") report("credential_shared_to_linkedin");
    if (what === "copy" && !event.button) copyLink();
    if (what !== "verify") return;
    if (!elsewhere) event.preventDefault();
    if (!checking) report("credential_verified");
    if (!elsewhere && !checking) verify(target);
  }

  function start() {
    takeFlag();
    listen("visibilitychange", renewWhenStale);
    onceSeen(() => renewal.then(() => report("credential_viewed")));
    listen("click", act);
    listen("auxclick", act);
    find("[data-action=copy]").hidden = false;
  }

  // A page rendered in advance begins when somebody comes to see it.
  if (document.prerendering) listen("prerenderingchange", start);
  else start();
})();
