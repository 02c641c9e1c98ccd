// What is on the bench: the document, what is selected, and every state before and after. Knows no page.
window.designEditor = {};
(() => {
  let made = 0;
  const key = () => `box${(made += 1)}`;
  const known = (document) => ({ ...document, boxes: document.boxes.map((box) => ({ ...box, key: key() })) });

  class Bench {
    // `told` is what the page was given. A document is never changed, only replaced: a state costs what differs.
    constructor(told) {
      this.told = told;
      this.readOnly = told.readOnly;
      this.updatedAt = told.updatedAt;
      this.document = this.saved = known(told.document);
      this.selected = new Set();
      this.problems = [];
      this.past = [];
      this.future = [];
      this.joining = { key: "", at: 0 };
      this.listeners = [];
    }

    listen(listener) {
      this.listeners.push(listener);
    }

    tell() {
      for (const listener of this.listeners) listener(this);
    }

    get page() {
      const [width, height] = this.told.pages[this.document.page];
      return { width, height };
    }

    get boxes() {
      return this.document.boxes;
    }

    get chosen() {
      return this.boxes.filter((box) => this.selected.has(box.key));
    }

    get isChanged() {
      return this.document !== this.saved && this.written(this.document) !== this.written(this.saved);
    }

    // The document as the server reads it.
    written(document = this.document) {
      const boxes = document.boxes.map(({ key: _, ...box }) => box);
      return JSON.stringify({ ...document, boxes });
    }

    // Changes with the same `join`, one soon after the other, are one step for undo.
    change(act, { join = "", within = Infinity } = {}) {
      const next = act(this.document);
      if (this.readOnly || next === this.document) return;
      const at = Date.now();
      if (!join || join !== this.joining.key || at - this.joining.at > within) this.past.push(this.state());
      this.joining = { key: join, at };
      this.future = [];
      this.document = next;
      this.tell();
    }

    // Replace boxes by what `act` makes of them; those of the selection, unless others are named.
    changeBoxes(act, how = {}, keys = this.selected) {
      const changed = (box) => {
        const change = keys.has(box.key) ? act(box) : null;
        const differs = change && Object.keys(change).some((name) => change[name] !== box[name]);
        return differs ? { ...box, ...change } : box;
      };
      this.change((document) => {
        const boxes = document.boxes.map(changed);
        return boxes.some((box, at) => box !== document.boxes[at]) ? { ...document, boxes } : document;
      }, how);
    }

    add(boxes) {
      const added = boxes.map((box) => ({ ...box, key: key() }));
      this.select(added.map((box) => box.key), { quietly: true });
      this.change((document) => ({ ...document, boxes: [...document.boxes, ...added] }));
      return added;
    }

    remove() {
      const gone = this.selected;
      this.selected = new Set();
      this.change((document) => ({ ...document, boxes: document.boxes.filter((box) => !gone.has(box.key)) }));
    }

    // A step towards the front (1) or the back (-1); what is selected keeps its own order.
    reorder(step) {
      this.change((document) => {
        const boxes = step > 0 ? [...document.boxes].reverse() : [...document.boxes];
        boxes.forEach((box, at) => {
          const before = boxes[at - 1];
          if (at && this.selected.has(box.key) && !this.selected.has(before.key)) {
            [boxes[at - 1], boxes[at]] = [box, before];
          }
        });
        if (step > 0) boxes.reverse();
        return boxes.some((box, at) => box !== document.boxes[at]) ? { ...document, boxes } : document;
      });
    }

    select(keys, { quietly = false } = {}) {
      const same = keys.length === this.selected.size && keys.every((one) => this.selected.has(one));
      if (same) return;
      this.selected = new Set(keys);
      this.joining = { key: "", at: 0 };
      if (!quietly) this.tell();
    }

    toggle(one) {
      this.select(this.selected.has(one) ? [...this.selected].filter((other) => other !== one) : [...this.selected, one]);
    }

    state() {
      return { document: this.document, selected: this.selected };
    }

    undo() {
      this.step(this.past, this.future);
    }

    redo() {
      this.step(this.future, this.past);
    }

    step(from, to) {
      if (!from.length) return;
      to.push(this.state());
      this.return(from.pop());
    }

    // As it was before the latest change, which is forgotten.
    cancel() {
      if (this.past.length) this.return(this.past.pop());
    }

    return({ document, selected }) {
      this.document = document;
      this.selected = new Set([...selected].filter((one) => document.boxes.some((box) => box.key === one)));
      this.joining = { key: "", at: 0 };
      this.tell();
    }

    // Another document in place of this one, as a change that can be undone.
    replace(document) {
      this.selected = new Set();
      this.change(() => known(document));
    }

    keep(document, updatedAt) {
      this.saved = document;
      this.updatedAt = updatedAt;
      this.problems = [];
      this.tell();
    }

    // What is wrong in one sentence, without an end.
    get complaint() {
      const whole = this.problems.filter((problem) => !problem.key).map(({ message }) => message);
      const marked = this.problems.length > whole.length ? ["look at the boxes that are marked"] : [];
      return [...whole, ...marked].join("; ").replace(/^must/, "the design must");
    }

    // What the server found: `document.boxes.3.content` is a field of the fourth box of the document it was sent.
    refuse(details, sent, { keepsSelection = false } = {}) {
      this.problems = details.map(({ field, message }) => {
        const [, at, name] = /^document\.boxes\.(\d+)\.?(.*)$/.exec(field) ?? [];
        return { key: sent.boxes[at]?.key ?? null, field: name ?? field.replace("document.", ""), message };
      });
      const first = this.problems.find((problem) => problem.key);
      if (first && !keepsSelection) this.select([first.key], { quietly: true });
      this.tell();
    }
  }

  designEditor.Bench = Bench;
})();
