// The editor of a mail: a preview that follows what is typed, placeholders that go where one types.
(() => {
  const form = document.querySelector("[data-letter]");
  const button = form?.querySelector("[data-previews]");
  let field = form?.querySelector("textarea");
  let timer;
  let count = 0;

  // Each preview comes in a new frame, shown once it is there: an old one would leave an entry in the history for
  // every pause in typing, and flash while it loads.
  function preview() {
    const frames = document.querySelectorAll(".preview iframe");
    const frame = frames[0].cloneNode();
    frame.name = button.formTarget = `preview-${++count}`; // a window keeps its name, whatever the attribute says
    frame.classList.add("loading");
    frame.setAttribute("aria-hidden", "true");
    frames[frames.length - 1].after(frame);
    frame.addEventListener("load", () => {
      for (const one of document.querySelectorAll(".preview iframe")) {
        if (one === frame) break;
        one.remove();
      }
      frame.classList.remove("loading");
      frame.removeAttribute("aria-hidden");
    });
    form.requestSubmit(button);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(preview, 400);
  }

  if (button) {
    form.addEventListener("input", later);
    form.addEventListener("focusin", (event) => {
      if (event.target.matches('[name="subject"], [name="body"]')) field = event.target;
    });
    document.addEventListener("click", (event) => {
      const chosen = event.target.closest("[data-inserts]");
      if (!chosen) return;
      field.setRangeText(chosen.dataset.inserts, field.selectionStart, field.selectionEnd, "end");
      field.focus();
      later();
    });
    button.hidden = true;
    preview();
  }
})();
