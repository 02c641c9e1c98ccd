// Puts the bench together: canvas, properties, layers, tools, keys, the true picture, and keeping it all.
(() => {
  const { arrange, fields, keys, layers, pictures, Bench, Canvas, Keeping, Panel, Proof } = designEditor;
  const root = document.querySelector(".editor");
  const find = (selector) => root.querySelector(selector);
  const bench = new Bench(JSON.parse(root.dataset.told));
  const choosePicture = pictures.dialogOf(bench.told.home, find("#pictures"));
  const keeping = new Keeping(bench, {
    button: find("#save"), state: find("#state"), notice: find("#notice"), conflict: find("#conflict"),
  });
  const canvas = new Canvas(bench, find(".stage"));
  const panel = new Panel(bench, find("#panel"), choosePicture);
  layers.list(bench, canvas, find("#layers"));
  new Proof(bench, canvas, find(".proof"), { sessionEnded: () => keeping.sessionEnded() });

  const say = (words) => (find("#said-of-box").textContent = words);
  const openProperties = () => panel.focusFirst();
  find(".stage").addEventListener("open-properties", openProperties);
  keys.listen(bench, canvas, { say, openProperties, save: () => keeping.save() });

  find("#panel").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !bench.chosen.length) return;
    canvas.focus(bench.chosen[0].key);
  });

  // New boxes stand in the middle of the page; a line is as wide as a third of it.
  function sized(kind, image) {
    const { width, height } = bench.page;
    const sizes = {
      text: [width * 0.5, 30], logo: [180, 48], signature: [176, 94], qr: [80, 80], line: [width / 3, 0],
      image: image && pictureSize(image, width, height),
    };
    const [wide, high] = sizes[kind] ?? [140, 100];
    const move = (bench.boxes.length % 8) * 8; // so that two new ones don't hide each other
    return {
      x: arrange.round((width - wide) / 2 + move), y: arrange.round((height - high) / 2 + move),
      width: arrange.round(wide), height: arrange.round(high),
    };
  }

  function pictureSize(image, width, height) {
    const scale = Math.min((width * 0.4) / image.width, (height * 0.4) / image.height);
    return [Math.max(1, image.width * scale), Math.max(1, image.height * scale)];
  }

  async function add(kind) {
    const image = kind === "image" ? await choosePicture() : null;
    if (kind === "image" && !image) return;
    const more = {
      text: { content: "New text", align: "center" },
      image: { image: image?.id },
      "attribute-image": { attribute: bench.told.imageAttributes[0]?.name },
      rectangle: { fill: "#e8e4d8" }, ellipse: { fill: "#e8e4d8" }, polygon: { fill: "#e8e4d8" },
    };
    const [box] = bench.add([{ ...bench.told.blanks[kind], ...sized(kind, image), ...more[kind] }]);
    if (kind === "text") {
      panel.focusFirst();
      document.activeElement.select?.();
    } else canvas.focus(box.key);
  }

  const align = (side) => bench.changeBoxes(arrange.align(bench.chosen, side, bench.page));
  const distribute = (place, length) => bench.changeBoxes(arrange.distribute(bench.chosen, place, length));
  const zoom = (by) => {
    canvas.zoom = by ? Math.min(4, Math.max(0.5, canvas.zoom * by)) : 1;
    canvas.fit();
  };
  const TOOLS = {
    undo: () => bench.undo(), redo: () => bench.redo(),
    left: () => align("left"), center: () => align("center"), right: () => align("right"),
    top: () => align("top"), middle: () => align("middle"), bottom: () => align("bottom"),
    "gaps-across": () => distribute("x", "width"), "gaps-down": () => distribute("y", "height"),
    forward: () => bench.reorder(1), back: () => bench.reorder(-1),
    duplicate: () => keys.duplicate(bench), remove: () => bench.remove(),
    pull: () => bench.changeBoxes((box) => arrange.pull(box, bench.page), {}, new Set(bench.boxes.map((box) => box.key))),
    larger: () => zoom(1.25), smaller: () => zoom(0.8), fit: () => zoom(null),
  };
  const NEEDED = { undo: () => bench.past.length, redo: () => bench.future.length, "gaps-across": () => bench.selected.size > 2,
    "gaps-down": () => bench.selected.size > 2 };
  const ALWAYS = ["larger", "smaller", "fit", "pull"];

  // Buttons that can do nothing now stay where they are for the keyboard, and say so.
  function showTools() {
    for (const button of root.querySelectorAll("[data-tool]")) {
      const { tool } = button.dataset;
      const can = ALWAYS.includes(tool) || (NEEDED[tool] ?? (() => bench.selected.size))();
      button.setAttribute("aria-disabled", can ? "false" : "true");
    }
  }

  root.addEventListener("click", ({ target }) => {
    const tool = target.closest("[data-tool]");
    if (tool && tool.getAttribute("aria-disabled") !== "true") TOOLS[tool.dataset.tool]();
    const adds = target.closest("[data-add]");
    if (adds) add(adds.dataset.add);
  });
  bench.listen(showTools);
  showTools();
  for (const button of root.querySelectorAll('[data-add="attribute-image"]')) {
    button.hidden = !bench.told.imageAttributes.length;
  }
  addEventListener("resize", () => canvas.fit());
  designEditor.bench = bench; // for whoever looks into a running page
})();
