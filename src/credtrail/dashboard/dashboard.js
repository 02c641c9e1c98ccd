// What the dashboard's pages do beside htmx: the menu on phones, dialogs that ask, copy buttons, the CSRF header.
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

  async function copy(button) {
    const field = document.getElementById(button.dataset.copies);
    const text = "value" in field ? field.value : field.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      field.select?.();
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
})();
