// Tells the server what a person does on a credential's page; docs/tracking.md says what counts as what.
// Runs before the page is drawn, so that nobody ever sees or copies an address with the recipient's flag.
(() => {
  "use strict";

  const page = document.documentElement.dataset;
  const home = `/credentials/${page.credential}`;
  const key = `credtrail:recipient:${page.credential}`;
  const SEEN_MS = 1_000;
  const STALE_MS = 5 * 3_600_000; // a page token lives six hours
  const listen = (name, act, options) => document.addEventListener(name, act, options);

  // Recipient or guest

  const refusesStorage = navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
  const mode = refusesStorage ? "cookieless" : page.privacy;
  let claim = null; // for this page alone: "true", or the signed token of a mailed link

  function takeFlag() {
    const parts = location.search.slice(1).split("&");
    const kept = parts.filter((part) => !/^(recipient|isRecipient|key)(=|$)/.test(part));
    if (kept.length === parts.length) return;
    if (parts.includes("recipient=true") || parts.includes("isRecipient=true")) {
      const given = parts.find((part) => part.startsWith("key="))?.slice(4);
      claim = /^[\w-]{1,64}$/.test(given ?? "") ? given : "true";
      if (mode === "storage") remember();
    }
    const query = kept.length ? `?${kept.join("&")}` : "";
    history.replaceState(history.state, "", location.pathname + query + location.hash);
  }

  function stored() {
    try {
      return mode === "cookieless" ? null : localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  function remember() {
    try {
      const before = localStorage.getItem(key); // a signed claim says more than a bare one
      localStorage.setItem(key, claim === "true" && before ? before : claim);
      claim = null; // from now on the storage says it, and clearing that ends it
    } catch {
      // private window: the claim lasts as long as the page
    }
  }

  const claimed = () => claim ?? stored();

  // Reporting

  let input = false;
  let shownMs = 0;
  let shownSince = null;

  function look() {
    if (shownSince !== null) shownMs += performance.now() - shownSince;
    shownSince = document.visibilityState === "visible" ? performance.now() : null;
  }

  const proof = () => window.credtrail?.proof ?? null; // recipient.js finds it: the verified owner's

  function report(eventType) {
    look();
    const link = claimed();
    const body = JSON.stringify({
      token: page.token,
      eventType,
      triggeredBy: link || proof() ? "recipient" : "guest",
      automated: navigator.webdriver === true,
      visibleMs: Math.round(shownMs),
      input,
      link: link && link !== "true" ? link : null,
      proof: proof(),
      access: new URLSearchParams(location.search).get("access"),
    });
    // keepalive: a click that leaves the page counts too; where a browser lacks it, the beacon does the same
    if ("keepalive" in Request.prototype) {
      const headers = { "content-type": "application/json" };
      return fetch(`${home}/interactions`, { method: "POST", body, headers, keepalive: true }).catch(() => null);
    }
    navigator.sendBeacon(`${home}/interactions`, new Blob([body], { type: "application/json" }));
    return Promise.resolve(null);
  }

  // Acts after one second of being visible in total.
  function onceSeen(act) {
    let timer;
    function wait() {
      look();
      clearTimeout(timer);
      if (shownSince !== null) timer = setTimeout(check, SEEN_MS - shownMs);
    }
    function check() {
      look();
      if (shownMs < SEEN_MS) return wait();
      document.removeEventListener("visibilitychange", wait);
      act();
    }
    listen("visibilitychange", wait);
    wait();
  }

  // A scanner of mails looks, too, but has no hands: its view waits for a person's.
  async function reportView() {
    await renewal;
    const answer = await report("credential_viewed");
    if (answer?.headers.get("credtrail-set-aside") !== "unconfirmed") return;
    if (input) report("credential_viewed");
    else confirmView = () => report("credential_viewed");
  }

  let confirmView = null;

  function feel(event) {
    if (!event.isTrusted) return;
    input = true;
    confirmView?.();
    confirmView = null;
  }

  // A tab that comes to the front after hours gets a fresh token; it stays the same view. The token is used a second
  // later: nothing can have been seen sooner than that after a page was made.
  let tokenSince = Date.now();
  let renewal = Promise.resolve();

  function renewWhenStale() {
    if (document.visibilityState !== "visible" || Date.now() - tokenSince < STALE_MS) return;
    tokenSince = Date.now();
    renewal = fetch(home + location.search, { headers: proof() ? { "credtrail-proof": proof() } : {} })
      .then((answer) => answer.text())
      .then((text) => new DOMParser().parseFromString(text, "text/html").documentElement.dataset)
      .then((fresh) => new Promise((done) => setTimeout(done, SEEN_MS, fresh)))
      .then((fresh) => (page.token = fresh.token ?? page.token))
      .catch(() => {});
  }

  // What people do

  function act(event) {
    const link = event.target.closest("[data-report]");
    if (link && event.button < 2) report(link.dataset.report);
  }

  function askConsent() {
    const banner = document.querySelector("#consent");
    if (!banner || mode !== "consent" || !claim || stored()) return;
    banner.hidden = false;
    banner.addEventListener("click", ({ target }) => {
      const said = target.dataset.consent;
      if (said === "yes") remember();
      if (said) banner.hidden = true;
    });
  }

  function start() {
    takeFlag();
    page.actor = claimed() || proof() ? "recipient" : "guest";
    for (const name of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove", "click"]) {
      listen(name, feel, { passive: true });
    }
    listen("visibilitychange", renewWhenStale);
    listen("click", act);
    listen("auxclick", act);
    listen("credtrail:report", ({ detail }) => report(detail));
    listen("DOMContentLoaded", askConsent);
    onceSeen(reportView);
  }

  // A page rendered in advance begins when somebody comes to see it.
  if (document.prerendering) listen("prerenderingchange", start);
  else start();
})();
