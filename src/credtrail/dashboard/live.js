// The live view: puts rows of the stream on top of the list. While nobody sees the page, it isn't connected.
(() => {
  const list = document.querySelector("#live");
  const state = document.querySelector("#state");
  const MOST_ROWS = 200;
  const AGAIN_MS = 10_000;
  let source = null;
  let again = 0;
  let added = 0;

  function connect() {
    clearTimeout(again);
    if (source || document.hidden) return;
    const latest = list.firstElementChild?.dataset.id ?? "";
    source = new EventSource(`${list.dataset.stream}?after=${latest}`);
    source.onopen = tell;
    source.onmessage = (event) => add(event.data);
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      leave();
      state.textContent = "Not connected. If this stays, load the page again.";
      again = setTimeout(connect, AGAIN_MS);
    };
  }

  function leave() {
    source?.close();
    source = null;
  }

  function add(html) {
    const rows = document.createElement("template");
    rows.innerHTML = html;
    for (const row of [...rows.content.children].reverse()) {
      if (list.querySelector(`[data-id="${row.dataset.id}"]`)) continue;
      row.classList.add("new");
      list.prepend(row);
      if (!row.classList.contains("aside")) added += 1;
    }
    while (list.children.length > MOST_ROWS) list.lastElementChild.remove();
    tell();
  }

  function tell() {
    state.classList.add("on");
    state.textContent = added === 0 ? "Live." : `Live. ${added} new since you came.`;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : connect()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", connect);
  connect();
})();
