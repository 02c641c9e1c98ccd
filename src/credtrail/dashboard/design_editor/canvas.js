// The page on the bench: boxes as elements that can be focused, selected, dragged and resized, frames and handles above.
(() => {
  const { arrange, draw, lettering, nameOf } = designEditor;
  const REACH = 6; // pixels within which a box snaps
  const STILL = 3; // pixels that a finger or mouse may tremble
  const ROOM = 42; // pixels that a handle and the box beside it need
  const HANDLES = [[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0]];

  class Canvas {
    constructor(bench, stage) {
      this.bench = bench;
      this.stage = stage;
      this.paper = stage.querySelector(".paper");
      this.sheet = stage.querySelector(".sheet");
      this.above = stage.querySelector(".above");
      this.elements = new Map();
      this.drawn = new Map();
      this.zoom = 1;
      this.drag = null;
      const { issuer, home, qr, placeholders } = bench.told;
      this.told = { issuer, home, qr, colors: lettering.painter(issuer), ground: null };
      this.told.values = new Map(placeholders.map((one) => [one.name, one.value]));
      bench.listen(() => this.show());
      new ResizeObserver(() => this.fit()).observe(stage);
      document.fonts.addEventListener("loadingdone", () => this.redraw());
      this.listen();
      this.show();
    }

    redraw() {
      this.drawn.clear();
      this.show();
    }

    // Whom the canvas shows the document of.
    setName(name) {
      this.told.values.set("recipient.name", name);
      this.redraw();
    }

    fit() {
      const { width, height } = this.bench.page;
      const { paddingLeft, maxHeight } = getComputedStyle(this.stage);
      const padding = 2 * parseFloat(paddingLeft) + 4;
      const [wide, high] = [this.stage.clientWidth - padding, parseFloat(maxHeight) - padding];
      const scale = Math.min(wide / width, high / height) * this.zoom;
      this.scale = Math.max(scale, 0.1);
      this.paper.style.width = `${width * this.scale}px`;
      this.paper.style.height = `${height * this.scale}px`;
      this.sheet.style.width = `${width}px`;
      this.sheet.style.height = `${height}px`;
      this.sheet.style.transform = `scale(${this.scale})`;
      this.showFrames();
    }

    show() {
      const { document: shown, boxes } = this.bench;
      const { color, image, fit } = shown.background;
      if (color !== this.told.ground) {
        this.told.ground = color;
        this.drawn.clear(); // letters in the issuer's color depend on it
      }
      const isClear = color === null && shown.type === "badge";
      this.sheet.classList.toggle("clear", isClear);
      this.sheet.style.backgroundColor = isClear ? "" : this.told.colors.paint(color) ?? "#ffffff";
      this.sheet.style.backgroundImage = image ? `url("${this.told.home}/images/${image}")` : "";
      this.sheet.style.backgroundSize = image ? fit : "";
      this.showBoxes(boxes);
      this.fit();
    }

    showBoxes(boxes) {
      const had = document.activeElement;
      for (const [key, element] of this.elements) {
        if (!boxes.some((box) => box.key === key)) {
          element.remove();
          this.elements.delete(key);
          this.drawn.delete(key);
        }
      }
      boxes.forEach((box, at) => {
        const element = this.elements.get(box.key) ?? this.make(box.key);
        if (this.sheet.children[at] !== element) this.sheet.insertBefore(element, this.sheet.children[at] ?? null);
        if (this.drawn.get(box.key) !== box) this.place(element, box);
        element.classList.toggle("selected", this.bench.selected.has(box.key));
        element.classList.toggle("wrong", this.bench.problems.some((problem) => problem.key === box.key));
      });
      if (had !== document.activeElement && this.sheet.contains(had)) had.focus({ preventScroll: true });
    }

    make(key) {
      const element = document.createElement("div");
      element.className = "box";
      element.dataset.key = key;
      element.tabIndex = 0;
      element.setAttribute("role", "group");
      element.setAttribute("aria-roledescription", "box");
      element.setAttribute("aria-describedby", "keys-hint");
      this.elements.set(key, element);
      return element;
    }

    place(element, box) {
      const { x, y, width, height, rotation } = box;
      const before = this.drawn.get(box.key);
      const looks = ({ x: _x, y: _y, rotation: _rotation, ...rest }) => JSON.stringify(rest);
      if (!before || looks(before) !== looks(box)) {
        const ink = draw(box, this.told);
        ink.setAttribute("aria-hidden", "true");
        element.replaceChildren(ink);
        element.setAttribute("aria-label", nameOf(box));
      }
      Object.assign(element.style, {
        left: `${x}px`, top: `${y}px`, width: `${Math.abs(width)}px`, height: `${Math.abs(height)}px`,
        transform: rotation ? `rotate(${rotation}deg)` : "",
        transformOrigin: `${width / 2}px ${height / 2}px`,
      });
      this.drawn.set(box.key, box);
    }

    showFrames(lines = { x: null, y: null }) {
      const { chosen, readOnly } = this.bench;
      const frames = chosen.map((box) => this.frame(box));
      if (chosen.length === 1 && !readOnly) frames[0].append(...this.handles(chosen[0]));
      for (const place of ["x", "y"]) {
        if (lines[place] !== null) {
          const guide = document.createElement("div");
          guide.className = `guide ${place}`;
          guide.style[place === "x" ? "left" : "top"] = `${lines[place] * this.scale}px`;
          frames.push(guide);
        }
      }
      this.above.replaceChildren(...frames);
    }

    frame(box) {
      const rect = arrange.rectOf(box);
      const frame = document.createElement("div");
      frame.className = "frame-of-box";
      Object.assign(frame.style, {
        left: `${rect.x * this.scale}px`, top: `${rect.y * this.scale}px`,
        width: `${rect.width * this.scale}px`, height: `${rect.height * this.scale}px`,
        transform: box.rotation ? `rotate(${box.rotation}deg)` : "",
      });
      return frame;
    }

    handles(box) {
      const ends = [[box.width < 0 ? 1 : -1, box.height < 0 ? 1 : -1], [box.width < 0 ? -1 : 1, box.height < 0 ? -1 : 1]];
      const places = box.kind === "line" ? ends : this.roomyHandles(box.width * this.scale, box.height * this.scale);
      return places.map(([side, end], at) => {
        const handle = document.createElement("span");
        handle.className = "handle";
        handle.dataset.handle = JSON.stringify(box.kind === "line" ? at : [side, end]);
        handle.style.left = `${(side + 1) * 50}%`;
        handle.style.top = `${(end + 1) * 50}%`;
        return handle;
      });
    }

    // Those that leave room to take hold of the box itself.
    roomyHandles(width, height) {
      if (Math.max(width, height) < ROOM) return [[1, 1]];
      return HANDLES.filter(([side, end]) => {
        if (side && end) return true;
        return side ? height > 2 * ROOM && width > ROOM : width > 2 * ROOM && height > ROOM;
      });
    }

    focus(key) {
      this.elements.get(key)?.focus();
    }

    listen() {
      const { stage, sheet, bench } = this;
      sheet.addEventListener("focusin", ({ target }) => {
        const { key } = target.dataset;
        if (key && !this.isPressed && !bench.selected.has(key)) bench.select([key]);
      });
      stage.addEventListener("pointerdown", (event) => this.press(event));
      stage.addEventListener("pointermove", (event) => this.move(event));
      addEventListener("pointerup", () => this.release());
      addEventListener("pointercancel", () => this.release());
      stage.addEventListener("mousedown", (event) => {
        if (event.target.closest("[data-handle]")) event.preventDefault(); // the box keeps the focus
      });
      stage.addEventListener("dblclick", ({ target }) => {
        if (target.closest(".box, .handle")) stage.dispatchEvent(new Event("open-properties"));
      });
    }

    press(event) {
      const { bench } = this;
      if (event.button || !event.isPrimary) return;
      const handle = event.target.closest("[data-handle]");
      const key = event.target.closest(".box")?.dataset.key;
      if (!handle && !key) {
        if (event.target.closest(".sheet, .above") || event.target === this.stage) bench.select([]);
        return;
      }
      // A finger scrolls the page over boxes; it drags the one that it has selected by a tap, which gives it the focus.
      if (event.pointerType === "touch" && key && !bench.selected.has(key)) return;
      this.isPressed = true; // so that the focus that follows doesn't select once more
      if (key) this.selectBy(event, key);
      if (bench.readOnly) return;
      this.drag = {
        pointer: event.pointerId,
        // A mere click on one of several leaves it alone selected.
        alone: key && !(event.shiftKey || event.ctrlKey || event.metaKey) ? key : null,
        at: [event.clientX, event.clientY],
        handle: handle && JSON.parse(handle.dataset.handle),
        from: bench.chosen,
        join: `drag ${event.timeStamp}`,
        moved: false,
      };
    }

    selectBy(event, key) {
      const { bench } = this;
      if (event.shiftKey || event.ctrlKey || event.metaKey) bench.toggle(key);
      else if (!bench.selected.has(key)) bench.select([key]);
      this.focus(key);
    }

    move(event) {
      const { drag } = this;
      if (!drag) return;
      const [wide, high] = [event.clientX - drag.at[0], event.clientY - drag.at[1]];
      if (!drag.moved && Math.hypot(wide, high) < STILL) return;
      if (!drag.moved) this.stage.setPointerCapture(drag.pointer);
      drag.moved = true;
      const [dx, dy] = [wide / this.scale, high / this.scale];
      if (drag.handle === null) this.moveBoxes(event, dx, dy);
      else this.pullHandle(event, dx, dy);
    }

    moveBoxes(event, dx, dy) {
      const { bench, drag } = this;
      if (event.shiftKey) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy];
      const frame = arrange.around(drag.from);
      const moving = { ...frame, x: frame.x + dx, y: frame.y + dy };
      const others = bench.boxes.filter((box) => !bench.selected.has(box.key));
      const free = { dx: 0, dy: 0, x: null, y: null };
      const found = event.altKey ? free : arrange.snap(moving, others, bench.page, REACH / this.scale);
      const from = new Map(drag.from.map((box) => [box.key, box]));
      bench.changeBoxes((box) => arrange.shifted(from.get(box.key), dx + found.dx, dy + found.dy), { join: drag.join });
      this.showFrames(found);
    }

    pullHandle(event, dx, dy) {
      const { bench, drag } = this;
      const [from] = drag.from;
      const pulled = from.kind === "line"
        ? arrange.stretch(from, drag.handle, dx, dy)
        : arrange.resize(from, drag.handle, dx, dy, event.shiftKey);
      bench.changeBoxes(() => pulled, { join: drag.join });
    }

    release() {
      if (!this.isPressed) return;
      const { drag } = this;
      this.isPressed = false;
      this.drag = null;
      if (drag?.alone && !drag.moved) this.bench.select([drag.alone]);
      this.showFrames();
    }

    // The drag that is under way never was.
    drop() {
      if (!this.drag) return false;
      if (this.drag.moved) this.bench.cancel();
      this.release();
      return true;
    }
  }

  designEditor.Canvas = Canvas;
})();
