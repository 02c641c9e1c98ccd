// The verified owner: proves an address by a code, is known by what this device keeps, decides about the page.
// No cookie: the proof is sent along by this script alone, so a page that isn't for everybody is asked for here again.
(() => {
  "use strict";

  const found = /^\/credentials\/([^/]+)(\/verification)?$/.exec(location.pathname);
  if (!found || window.credtrail) return;
  const home = `/credentials/${found[1]}`;
  const key = `credtrail:proof:${found[1]}`;
  const STALE_MS = 5 * 3_600_000; // keys in the addresses of pictures live six hours
  const own = (window.credtrail = { proof: null }); // the page's other scripts send it along
  const root = document.documentElement;
  const find = (selector) => document.querySelector(selector);
  const refusesStorage = navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
  const mode = () => (refusesStorage ? "cookieless" : (root.dataset.privacy ?? "storage"));
  let challenge = null;
  let drawnAt = 0;

  // What the device keeps

  // A browser may refuse storage altogether, even to say that there is none.
  function onShelf(name, act) {
    try {
      return act(window[name]);
    } catch {
      return null;
    }
  }

  function stored() {
    if (mode() === "cookieless") return forget();
    return onShelf("sessionStorage", (shelf) => shelf.getItem(key)) ?? onShelf("localStorage", (shelf) => shelf.getItem(key));
  }

  // Remembered only when that was asked for; else for this tab, where the issuer's page may keep anything unasked.
  function keep(proof, remember, privacyMode) {
    own.proof = proof;
    if (refusesStorage || privacyMode === "cookieless") return;
    if (remember) onShelf("localStorage", (shelf) => shelf.setItem(key, proof));
    else if (privacyMode === "storage") onShelf("sessionStorage", (shelf) => shelf.setItem(key, proof));
  }

  function forget() {
    own.proof = null;
    onShelf("sessionStorage", (shelf) => shelf.removeItem(key));
    onShelf("localStorage", (shelf) => shelf.removeItem(key));
    return null;
  }

  // Asking

  const send = (name, body) =>
    fetch(`${home}/recipient/${name}?lang=${root.lang}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(own.proof && { "credtrail-proof": own.proof }) },
      body: JSON.stringify(body),
    }).catch(() => null);

  // The same page as its recipient sees it; false where the proof is good for nothing any more.
  async function load() {
    const answer = await fetch(location.pathname + location.search, { headers: { "credtrail-proof": own.proof } }).catch(() => null);
    if (!answer || answer.status >= 500) return null; // nothing is known then
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh.documentElement.dataset.recipient !== "verified") return Boolean(forget());
    draw(fresh);
    drawnAt = Date.now();
    return true;
  }

  // Over a page that is there, only its main part is laid: the visit goes on. Where there was nothing, all of it is new.
  function draw(fresh) {
    const open = [...document.querySelectorAll("details[data-keep][open]")].map((fold) => fold.dataset.keep);
    const isVisit = root.dataset.credential && fresh.documentElement.dataset.credential;
    root.dataset.recipient = "verified";
    root.dataset.actor = "recipient";
    document.title = fresh.title;
    if (isVisit || find("main.page").contains(find("#own-message"))) {
      find("main").replaceWith(fresh.querySelector("main"));
    } else {
      document.body.replaceWith(fresh.body);
    }
    for (const name of open) find(`details[data-keep="${name}"]`)?.setAttribute("open", "");
    if (!isVisit) takeHead(fresh);
    document.dispatchEvent(new Event("credtrail:drawn"));
  }

  function takeHead(fresh) {
    Object.assign(root.dataset, fresh.documentElement.dataset);
    for (const link of fresh.querySelectorAll("head link[rel=stylesheet], head link[rel=canonical]")) {
      if (!find(`link[href="${link.getAttribute("href")}"]`)) document.head.append(link);
    }
    for (const { src } of fresh.querySelectorAll("head script[src]")) {
      if (find(`script[src="${new URL(src).pathname}"]`)) continue;
      const script = document.createElement("script");
      script.src = new URL(src).pathname;
      script.async = false; // in their order
      document.head.append(script);
    }
  }

  // Proving

  function say(which) {
    const message = find("[data-prove-message]");
    if (message) message.textContent = which ? message.dataset[which] : "";
  }

  function openForm() {
    const panel = find("#prove");
    panel.hidden = false;
    for (const offer of document.querySelectorAll("[data-prove-offer]")) offer.hidden = true;
    if (mode() === "cookieless") {
      find("[data-remember]").hidden = true;
      find("[data-unremembered]").hidden = false;
    }
    find("#prove-title").focus();
    panel.scrollIntoView({ block: "nearest" });
  }

  function askAnew() {
    challenge = null;
    find("[data-type]").hidden = true;
    find("[data-ask]").hidden = false;
    find("#prove-email").focus();
  }

  async function ask(form) {
    say(null);
    const answer = await send("code", { email: form.email.value });
    if (answer?.status !== 202) return say(answer?.status === 429 ? "wait" : "failed");
    challenge = (await answer.json()).challenge;
    form.hidden = true;
    find("[data-type]").reset();
    find("[data-type]").hidden = false;
    find("#prove-code").focus();
  }

  async function prove(form) {
    say(null);
    const answer = await send("proof", { challenge, code: form.code.value });
    if (answer?.status === 201) {
      const given = await answer.json();
      keep(given.proof, form.remember.checked, given.privacyMode);
      if (!(await load())) return say("failed");
      return find("#own-title")?.focus();
    }
    const told = answer?.status === 400 ? (await answer.json()).error : null;
    if (told?.code === "wrong_code" && told.triesLeft) {
      say("wrong");
      return form.code.select();
    }
    say({ wrong_code: "tries", too_many_tries: "tries", expired_code: "expired" }[told?.code] ?? "failed");
    if (told) askAnew();
  }

  // Deciding

  async function decide(name, body, told) {
    if (find("#own-message")) find("#own-message").textContent = "";
    const answer = await send(name, body);
    const done = answer?.ok ? await load() : null;
    const message = find("#own-message");
    if (!message) return location.reload();
    const problem = answer?.status === 429 ? "wait" : answer?.status === 400 && name === "name" ? "nameSame" : "failed";
    message.textContent = message.dataset[done ? told : problem] ?? "";
    return done;
  }

  async function correctName(form) {
    const answer = await decide("name", { name: form.name.value }, "saved");
    if (!answer) return;
    document.dispatchEvent(new CustomEvent("credtrail:report", { detail: "name_correction_requested" }));
    const waits = find("[data-own-withdraw]");
    find("#own-message").textContent = find("#own-message").dataset[waits ? "nameAsked" : "nameCorrected"];
  }

  async function signOut(everywhere) {
    const answer = await send("sign-out", { everywhere });
    if (!answer?.ok) return (find("#own-message").textContent = find("#own-message").dataset.failed);
    forget();
    location.reload();
  }

  // On the document, since what is drawn is drawn anew
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const act = form.matches("[data-ask]")
      ? ask
      : form.matches("[data-type]")
        ? prove
        : { name: correctName, privacy: choosePrivacy }[form.dataset.own];
    if (!act) return;
    event.preventDefault();
    const button = form.querySelector("button:not([type])");
    button.disabled = true; // once is enough
    Promise.resolve(act(form)).finally(() => (button.disabled = false));
  });

  function choosePrivacy(form) {
    return decide("privacy", { privacy: form.privacy.value, days: Number(form.days.value) }, "saved");
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const { ownOffline, ownSignOut } = button.dataset;
    if ("proveOpen" in button.dataset) openForm();
    else if ("askAgain" in button.dataset) askAnew();
    else if ("ownWithdraw" in button.dataset) decide("name", { name: null }, "saved");
    else if (ownOffline) decide("offline", { offline: ownOffline === "true" }, "saved");
    else if (ownSignOut) signOut(ownSignOut === "everywhere");
  });

  document.addEventListener("visibilitychange", () => {
    if (own.proof && document.visibilityState === "visible" && Date.now() - drawnAt > STALE_MS) load();
  });

  for (const offer of document.querySelectorAll("[data-prove-offer]")) offer.hidden = false;
  own.proof = stored();
  if (own.proof) load();
})();
