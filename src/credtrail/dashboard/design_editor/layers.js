// The list of boxes, the topmost first: a tick selects, the name leads to the box.
(() => {
  const { fields, nameOf } = designEditor;

  function entry(bench, canvas, box) {
    const tick = fields.make("input", { type: "checkbox", "aria-label": `Select ${nameOf(box)}` });
    tick.checked = bench.selected.has(box.key);
    tick.addEventListener("change", () => bench.toggle(box.key));
    const name = fields.make("button", { type: "button", class: "link", dir: "auto" }, nameOf(box));
    name.addEventListener("click", () => {
      bench.select([box.key]);
      canvas.focus(box.key);
    });
    const wrong = bench.problems.find((problem) => problem.key === box.key);
    const element = fields.make("li", {}, tick, name);
    if (wrong) element.append(fields.make("span", { class: "tag bad" }, "to mend"));
    element.classList.toggle("selected", tick.checked);
    return element;
  }

  function list(bench, canvas, element) {
    let shown = "";
    const show = () => {
      const now = JSON.stringify(
        bench.boxes.map((box) => [box.key, nameOf(box), bench.selected.has(box.key), bench.problems.some((one) => one.key === box.key)]),
      );
      if (now === shown) return;
      shown = now;
      const at = [...element.querySelectorAll("input, button")].indexOf(document.activeElement);
      element.replaceChildren(...[...bench.boxes].reverse().map((box) => entry(bench, canvas, box)));
      if (at >= 0) element.querySelectorAll("input, button")[at]?.focus({ preventScroll: true });
    };
    bench.listen(show);
    show();
  }

  designEditor.layers = { list };
})();
