// What the dashboard's pages do beside htmx: the menu on phones, dialogs that ask, copy buttons, the CSRF header, and
// that forms which follow what is typed miss nothing of it.
(() => {
  const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = csrf;
  });

  // A part that was refused shows why instead of nothing.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 400 && xhr.getResponseHeader("content-type")?.startsWith("text/html")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  for (const kind of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(kind, (event) => {
      const said = event.detail.xhr?.getResponseHeader?.("content-type")?.startsWith("text/plain");
      say(said ? event.detail.xhr.responseText : "The server can't be reached; please try again.");
      if (event.detail.xhr?.status === 401) offerSignIn();
    });
  }

  function say(sentence) {
    let note = document.querySelector("#said");
    if (!note) {
      note = document.createElement("p");
      note.id = "said";
      note.className = "note";
      note.setAttribute("role", "alert");
      document.querySelector("main").prepend(note);
    }
    note.textContent = sentence;
  }

  function offerSignIn() {
    const link = document.createElement("a");
    link.href = "/dashboard/sign-in";
    link.target = "_blank";
    link.textContent = "Sign in";
    document.querySelector("#said").append(" ", link);
  }

  // What was typed before the scripts were there, and what the browser puts back on the way back (without an event, after
  // `load`), is told as if it were typed now. Each control is compared with what was heard of it last, at first with
  // what it came with.
  const FOLLOWING = "form[hx-trigger], form[data-letter]";
  const heard = new WeakMap();

  function tellUnheard() {
    const all = [...document.querySelectorAll(FOLLOWING)].flatMap(controls);
    const unheard = all.filter((control) => held(control) !== (heard.get(control) ?? came(control)));
    for (const control of unheard) {
      for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
    }
  }

  const controls = (form) => [...form.elements].filter((one) => one.matches("input, select, textarea"));
  const isTicked = (control) => control.type === "checkbox" || control.type === "radio";
  const held = (control) => (isTicked(control) ? control.checked : control.value);

  function came(control) {
    if (isTicked(control)) return control.defaultChecked;
    if (control.options) return ([...control.options].find((one) => one.defaultSelected) ?? control.options[0])?.value ?? "";
    const fresh = control.cloneNode(); // a field for numbers doesn't hold everything that stands in the page
    fresh.value = control.defaultValue;
    return fresh.value;
  }

  // A form that is being changed drops the answer it waits for: that is for what stood there before, and where the form
  // comes anew with it, the change would be undone.
  function hear(event) {
    const form = event.target.form;
    if (!form?.matches(FOLLOWING)) return;
    if (form.matches("[hx-sync]")) window.htmx?.trigger(form, "htmx:abort");
    queueMicrotask(() => { // after those who set other controls by it
      for (const control of controls(form)) heard.set(control, held(control));
    });
  }

  // From then on htmx hears; its own listener for this event came first.
  document.addEventListener("DOMContentLoaded", () => {
    for (const kind of ["input", "change"]) document.addEventListener(kind, hear, true);
    tellUnheard();
  });
  addEventListener("pageshow", tellUnheard);

  async function copy(button) {
    const field = document.getElementById(button.dataset.copies);
    const text = "value" in field ? field.value : field.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https browsers have no clipboard for scripts, but copy what is selected.
      if (field.select) field.select();
      else getSelection().selectAllChildren(field);
      document.execCommand("copy");
    }
    const words = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = words), 2000);
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
    const copier = event.target.closest("[data-copies]");
    if (copier) copy(copier);
    const menu = event.target.closest(".menu-button");
    if (menu) menu.setAttribute("aria-expanded", menu.getAttribute("aria-expanded") === "true" ? "false" : "true");
  });

  // A form that was refused may be longer than the window: one begins at what is wrong.
  const wrong = document.querySelector('main [aria-invalid="true"]');
  if (wrong) wrong.focus();
  else document.querySelector("main .problem:not(.whole)")?.scrollIntoView({ block: "center" });

  // What is shown once is the answer to a form: loaded again, the page would send the form again and make another.
  const once = document.querySelector("[data-once]");
  if (once) history.replaceState(null, "", once.dataset.once);
})();
