// Verifying without leaving the page: files dropped or pasted anywhere, the answer in place. All works without, too.
// Tells the server of a verified credential as its own page does; docs/tracking.md says what counts.
(() => {
  "use strict";

  const find = (selector) => document.querySelector(selector);
  const form = find("form.verify");
  const answer = find("#answer");
  const message = find("form .message");
  const STALE_MS = 5 * 3_600_000; // a page token lives six hours
  const SOONEST_MS = 400;
  const refusesStorage = navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
  let tokenSince = Date.now();
  let input = false;
  let checking = false;

  const say = (which) => (message.textContent = which ? message.dataset[which] : "");

  // Telling

  // What this browser keeps of that credential's recipient, and nothing else of it.
  function kept(kind, publicId) {
    if (refusesStorage) return null;
    for (const shelf of ["sessionStorage", "localStorage"]) {
      try {
        const found = window[shelf].getItem(`credtrail:${kind}:${publicId}`);
        if (found) return found;
      } catch {
        // storage is refused: nothing is kept
      }
    }
    return null;
  }

  function report({ credential, token }) {
    const link = kept("recipient", credential);
    const proof = kept("proof", credential);
    const body = JSON.stringify({
      token,
      eventType: "credential_verified",
      triggeredBy: link || proof ? "recipient" : "guest",
      automated: navigator.webdriver === true,
      visibleMs: Math.round(Date.now() - tokenSince),
      input,
      link: link && link !== "true" ? link : null,
      proof,
    });
    const headers = { "content-type": "application/json" };
    fetch(`/credentials/${credential}/interactions`, { method: "POST", body, headers, keepalive: true }).catch(() => null);
  }

  // A page that was left open for hours is handed out anew before it speaks.
  async function renewWhenStale() {
    if (Date.now() - tokenSince < STALE_MS) return;
    const text = await fetch("/verify").then((fresh) => fresh.text());
    form.token.value = new DOMParser().parseFromString(text, "text/html").querySelector("[name=token]").value;
    tokenSince = Date.now();
  }

  // Verifying

  async function verify() {
    if (checking) return;
    const [file] = form.file.files;
    if (file && file.size > form.dataset.mostBytes) return say("tooLarge");
    checking = true;
    say("checking");
    try {
      await renewWhenStale();
      const given = await fetch(`/verify${location.search}`, {
        method: "POST",
        body: new FormData(form),
        headers: { "x-requested-with": "credtrail", accept: "text/html" },
      });
      if (given.status >= 500) throw new Error();
      answer.innerHTML = await given.text(); // escaped by the server
      say(null);
      find("#answer [data-focus]").focus({ preventScroll: true });
      answer.scrollIntoView({ block: "start" });
      const own = find("#answer [data-token]");
      if (own) setTimeout(report, Math.max(0, SOONEST_MS - (Date.now() - tokenSince)), { ...own.dataset });
    } catch {
      say("failed");
    }
    checking = false;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    verify();
  });
  form.file.addEventListener("change", () => form.file.files.length && (form.credential.value = ""));
  form.credential.addEventListener("input", () => (form.file.value = ""));

  // Dropping and pasting: what comes that way is verified at once

  function take(given) {
    if (given.files.length) {
      const one = new DataTransfer();
      one.items.add(given.files[0]);
      form.file.files = one.files;
      form.credential.value = "";
      return true;
    }
    const text = (given.getData("text/uri-list") || given.getData("text/plain")).trim();
    if (text) {
      form.credential.value = text;
      form.file.value = "";
    }
    return text !== "";
  }

  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.documentElement.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.documentElement.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.documentElement.classList.remove("dragging");
    input ||= event.isTrusted;
    if (take(event.dataTransfer)) verify();
  });
  document.addEventListener("paste", (event) => {
    const isField = event.target.closest?.("input, textarea");
    if (isField && !event.clipboardData.files.length) return;
    event.preventDefault();
    if (take(event.clipboardData)) verify();
  });

  for (const name of ["pointerdown", "keydown", "touchmove"]) {
    document.addEventListener(name, (event) => (input ||= event.isTrusted), { passive: true });
  }
  find("[data-drop]").hidden = false;
})();
