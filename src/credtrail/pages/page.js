// What the buttons of a credential's page do. Everything else on it works without a script.
(() => {
  "use strict";

  const find = (selector) => document.querySelector(selector);
  const root = document.documentElement;
  const report = (kind) => document.dispatchEvent(new CustomEvent("credtrail:report", { detail: kind }));

  // Found anew each time: its verified owner gets the page drawn anew.
  const words = () => find("#message").dataset;

  function say(text) {
    find("#message").textContent = text;
  }

  const proof = () => (window.credtrail?.proof ? { "credtrail-proof": window.credtrail.proof } : {});

  // Copying

  async function copy(text) {
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    return copied || copyBySelecting(text);
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

  async function copyLink() {
    const address = find("main").dataset.address;
    if (await copy(address)) {
      report("credential_link_copied");
      say(words().copied);
    } else {
      say(`${words().notCopied} ${address}`);
    }
  }

  async function copyCode() {
    const field = find("#embed-code");
    if (!(await copy(field.value))) return field.select();
    report("embed_code_copied");
    say(words().codeCopied);
  }

  // Verifying: in place, or in a new tab when that is asked for

  let checking = false;

  async function verify(event) {
    if (event.button > 1) return;
    const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!elsewhere) event.preventDefault();
    if (checking) return;
    report("credential_verified");
    if (elsewhere) return;
    checking = true;
    try {
      const answer = await fetch(event.currentTarget.href, { headers: { "x-requested-with": "credtrail", ...proof() } });
      if (!answer.ok) throw new Error();
      find("#verification").innerHTML = await answer.text(); // escaped by the server
      say("");
    } catch {
      say(words().checkFailed);
    }
    checking = false;
  }

  async function shareWithApp() {
    const title = document.title;
    const url = find("main").dataset.address;
    const shared = await navigator.share({ title, url }).then(() => true, () => false);
    if (shared) report("shared_natively");
  }

  // What the recipient came for goes first.
  async function welcomeRecipient() {
    const actions = find("#actions");
    const add = find("#linkedin-profile");
    if (add) {
      find("#actions .first")?.classList.remove("first");
      add.classList.add("first");
      actions.prepend(add);
    }
    const headers = { "credtrail-page-token": root.dataset.token, ...proof() };
    const answer = await fetch(`/credentials/${root.dataset.credential}/audience${location.search}`, { headers }).catch(() => null);
    if (!answer?.ok) return;
    if (!find("#audience")) return;
    find("#audience").textContent = (await answer.text()).trim();
    find("#audience").hidden = false;
  }

  function offer(selector, act, isPossible = true) {
    const button = find(selector);
    if (!button || !isPossible) return;
    button.hidden = false;
    button.addEventListener("click", act);
  }

  function begin() {
    offer("[data-copy]", copyLink);
    offer("[data-copy-code]", copyCode);
    offer("[data-print]", () => window.print());
    offer("[data-native-share]", shareWithApp, "share" in navigator && matchMedia("(pointer: coarse)").matches);
    find("[data-verify]")?.addEventListener("click", verify);
    find("[data-verify]")?.addEventListener("auxclick", verify);
    for (const fold of document.querySelectorAll("details[data-report-open]")) {
      fold.addEventListener("toggle", () => fold.open && report(fold.dataset.reportOpen));
    }
    if (root.dataset.actor === "recipient") welcomeRecipient();
  }

  window.addEventListener("beforeprint", () => report("printed"), { once: true });
  document.addEventListener("credtrail:drawn", begin);
  begin();
})();
