// What keys do: on a box, and anywhere on the page.
(() => {
  const { arrange } = designEditor;
  const MILLIMETRE = 72 / 25.4;
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const TYPED = "input, textarea, select, dialog[open] *";
  const mm = (points) => (points / MILLIMETRE).toFixed(1);

  function duplicate(bench) {
    const copies = bench.chosen.map(({ key, ...box }) => ({ ...box, ...arrange.shifted(box, 10, 10) }));
    return copies.length ? bench.add(copies) : [];
  }

  // Alt makes larger and smaller what arrows else move; Shift makes the step ten times as long.
  function arrow(bench, event, say) {
    const step = MILLIMETRE * (event.shiftKey ? 10 : 1);
    const [dx, dy] = ARROWS[event.key].map((way) => way * step);
    const resized = (box) => box.kind === "line"
      ? { width: arrange.round(box.width + dx), height: arrange.round(box.height + dy) }
      : { width: arrange.round(Math.max(1, box.width + dx)), height: arrange.round(Math.max(1, box.height + dy)) };
    const act = event.altKey ? resized : (box) => arrange.shifted(box, dx, dy);
    bench.changeBoxes(act, { join: event.altKey ? "resized by keys" : "moved by keys", within: 800 });
    const [box] = bench.chosen;
    say(event.altKey ? `${mm(box.width)} by ${mm(box.height)} mm` : `${mm(box.x)} mm, ${mm(box.y)} mm`);
  }

  function remove(bench, canvas) {
    const at = bench.boxes.findIndex((box) => bench.selected.has(box.key));
    bench.remove();
    const next = bench.boxes[Math.min(at, bench.boxes.length - 1)];
    if (next) canvas.focus(next.key);
  }

  function onBox(bench, canvas, event, { say, openProperties }) {
    const command = event.ctrlKey || event.metaKey;
    const acts = {
      ...Object.fromEntries(Object.keys(ARROWS).map((key) => [key, () => arrow(bench, event, say)])),
      Delete: () => remove(bench, canvas),
      Backspace: () => remove(bench, canvas),
      PageUp: () => bench.reorder(1),
      PageDown: () => bench.reorder(-1),
      Enter: openProperties,
      Escape: () => canvas.drop() || bench.select([]),
    };
    const withCommand = {
      a: () => bench.select(bench.boxes.map((box) => box.key)),
      d: () => duplicate(bench).slice(0, 1).forEach((box) => canvas.focus(box.key)),
    };
    return (command ? withCommand : acts)[command ? event.key.toLowerCase() : event.key];
  }

  function anywhere(bench, event, save) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
    const key = event.key.toLowerCase();
    if (key === "s") return save;
    if (event.target.closest(TYPED)) return null; // fields undo what was typed by themselves
    if (key === "z") return () => (event.shiftKey ? bench.redo() : bench.undo());
    return key === "y" ? () => bench.redo() : null;
  }

  function listen(bench, canvas, how) {
    document.addEventListener("keydown", (event) => {
      const isOnBox = event.target.closest?.(".sheet .box");
      const act = anywhere(bench, event, how.save) ?? (isOnBox ? onBox(bench, canvas, event, how) : null);
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  designEditor.keys = { duplicate, listen, remove };
})();
