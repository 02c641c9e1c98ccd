// The properties of what is selected, or of the page where nothing is.
(() => {
  const { fields, nameOf, NAMES } = designEditor;
  const WEIGHTS = [["regular", "Regular"], ["medium", "Medium"], ["semibold", "Semibold"], ["bold", "Bold"]];
  const ALIGNS = [["start", "Start of line"], ["center", "Center"], ["end", "End of line"]];
  const FITS = [["contain", "Show it whole"], ["cover", "Fill the box"]];
  const PAGES = {
    "a4-landscape": "A4 across", "a4-portrait": "A4 upright", "letter-landscape": "US Letter across",
    "letter-portrait": "US Letter upright", square: "Square",
  };
  const place = (words) => ["number", { words, unit: "mm", least: -2000, most: 2000, isLength: true }];
  const length = (words) => ["number", { words, unit: "mm", least: 1, most: 2000, isLength: true }];
  const align = { align: ["choice", { words: "Alignment", list: ALIGNS }] };
  const fit = { fit: ["choice", { words: "Fitting", list: FITS }] };
  const alt = { alt: ["text", { words: "What it shows, for those who can’t see it", longest: 500, empty: true }] };
  const thickness = ["number", { words: "Thickness", unit: "pt", least: 0, most: 100, step: 0.5 }];
  const stroke = { stroke: ["color", { words: "Line", none: "No line" }], thickness };
  const fill = { fill: ["color", { words: "Filling", none: "No filling", otherwise: "#e8e4d8" }] };

  // Which fields each kind of box has beside its place; `alone`: not for several boxes at once.
  const kinds = ({ fonts, imageAttributes }) => {
    const font = { font: ["choice", { words: "Font", list: fonts.map((one) => [one, one]), isWide: true }] };
    const color = { color: ["color", { words: "Color" }] };
    return {
      text: {
        ...font,
        size: ["number", { words: "Size", unit: "pt", least: 4, most: 400 }],
        smallestSize: ["number", { words: "Smallest size", unit: "pt", least: 4, most: 400, empty: true }],
        weight: ["choice", { words: "Weight", list: WEIGHTS }],
        ...align,
        verticalAlign: ["choice", {
          words: "In its height", list: [["top", "Top"], ["middle", "Middle"], ["bottom", "Bottom"]],
        }],
        lineHeight: ["number", { words: "Line height", least: 0.8, most: 3, step: 0.1 }],
        letterSpacing: ["number", { words: "Letter space", unit: "em", least: -0.1, most: 1, step: 0.01 }],
        ...color,
        italic: ["check", { words: "Italic" }],
        omitEmptyLines: ["check", { words: "Leave out lines whose placeholders are empty" }],
        role: ["check", { words: "Is a heading", on: "heading", off: "text" }],
      },
      image: { ...fit, ...alt },
      "attribute-image": {
        attribute: ["choice", { words: "Attribute", list: imageAttributes.map((one) => [one.name, one.words]) }],
        ...fit, ...alt,
      },
      logo: {
        otherwise: ["choice", { words: "Without a logo", list: [["name", "The issuer’s name"], ["nothing", "Nothing"]] }],
        ...font, ...color, ...align,
      },
      signature: { ...font, ...color, ...align },
      qr: {},
      rectangle: {
        ...fill, ...stroke,
        radius: ["number", { words: "Rounding of corners", unit: "mm", least: 0, most: 2000, isLength: true }],
      },
      ellipse: { ...fill, ...stroke },
      polygon: { sides: ["number", { words: "Sides", least: 3, most: 12 }], ...fill, ...stroke },
      line: { stroke: ["color", { words: "Line" }], thickness },
    };
  };

  class Panel {
    constructor(bench, element, chooseImage) {
      this.bench = bench;
      this.element = element;
      this.chooseImage = chooseImage;
      this.kinds = kinds(bench.told);
      this.shownFor = null;
      this.given = {};
      bench.listen(() => this.show());
      this.show();
    }

    // The same fields stay as long as the same boxes are selected, so that none loses the focus.
    show() {
      const { chosen } = this.bench;
      const subject = chosen.map((box) => box.key).join() || `page ${Boolean(this.bench.document.background.image)}`;
      if (subject !== this.shownFor) this.build(subject, chosen);
      const value = chosen[0] ?? this.bench.document;
      this.title.textContent = chosen.length > 1 ? `${chosen.length} boxes` : chosen[0] ? nameOf(chosen[0]) : "The page";
      for (const [name, field] of Object.entries(this.fields)) {
        const isTyped = document.activeElement === field.control && field.control.matches("input, textarea");
        const told = this.valueOf(value, name);
        if (isTyped && this.given[name] === told) continue; // it shows what was typed, which may be unfinished
        field.show(told);
        delete this.given[name];
      }
      this.showProblems(chosen);
    }

    valueOf(value, name) {
      return name.startsWith("background.") ? value.background[name.slice(11)] : value[name];
    }

    build(subject, chosen) {
      this.shownFor = subject;
      this.fields = {};
      this.given = {};
      const [first] = chosen;
      this.title = fields.make("h3", { dir: "auto" });
      this.element.replaceChildren(this.title);
      if (!first) this.buildPage();
      else if (chosen.length === 1) this.buildBox(first);
      else if (chosen.every((box) => box.kind === first.kind)) this.buildFields(this.kinds[first.kind]);
      else this.element.append(fields.make("p", { class: "hint" }, "They can be moved, aligned and put in order together."));
      if (this.bench.readOnly) {
        for (const control of this.element.querySelectorAll("input, select, textarea, button")) control.disabled = true;
      }
    }

    buildBox(box) {
      if (box.kind === "text") {
        const how = { words: "Text", longest: 2000, placeholders: this.bench.told.placeholders };
        this.addField("content", "content", how);
      }
      const isLine = box.kind === "line";
      const across = isLine ? place("To the right") : length("Width"), down = isLine ? place("Down") : length("Height");
      const spec = { x: place("From left"), y: place("From top"), width: across, height: down };
      for (const [name, [kind, how]] of Object.entries(spec)) this.addField(name, kind, how);
      this.addField("rotation", "number", { words: "Turned by", unit: "°", least: -360, most: 360 });
      if (box.kind === "image") this.addButton("Another picture…", (image) => this.bench.changeBoxes(() => ({ image: image.id })));
      this.buildFields(this.kinds[box.kind]);
    }

    buildFields(spec) {
      for (const [name, [kind, how]] of Object.entries(spec)) this.addField(name, kind, how);
    }

    buildPage() {
      const { document: shown } = this.bench;
      if (shown.type !== "badge") this.addField("page", "choice", { words: "Page", list: Object.entries(PAGES) });
      const none = shown.type === "badge" ? "Nothing (transparent)" : "White";
      this.addField("background.color", "color", { words: "Ground", none, otherwise: "#fffdf7" });
      this.addButton("Picture behind everything…", (image) => this.changePage("background.image", image.id));
      if (shown.background.image) {
        this.addField("background.fit", "choice", { words: "Fitting", list: [FITS[0], ["cover", "Fill the page"]] });
        const remove = fields.button({ words: "Without that picture" }, () => this.changePage("background.image", null));
        this.element.append(remove.element);
      }
      this.element.append(fields.make("p", { class: "hint" }, "Select a box to see what it is made of."));
    }

    addField(name, kind, how) {
      const field = fields[kind](how, (value) => {
        this.given[name] = value;
        this.change(name, value);
      });
      this.fields[name] = field;
      field.element.classList.add(how.isWide ? "wide" : kind);
      this.element.append(field.element);
    }

    addButton(words, take) {
      const field = fields.button({ words }, async () => {
        const image = await this.chooseImage();
        if (image) take(image);
      });
      this.element.append(field.element);
    }

    change(name, value) {
      const how = { join: `field ${name}`, within: 2000 };
      if (this.bench.selected.size) this.bench.changeBoxes(() => ({ [name]: value }), how);
      else this.changePage(name, value, how);
    }

    changePage(name, value, how) {
      const within = name.startsWith("background.") ? name.slice(11) : null;
      this.bench.change((document) => within
        ? { ...document, background: { ...document.background, [within]: value } }
        : { ...document, [name]: value }, how);
    }

    showProblems(chosen) {
      const key = chosen.length === 1 ? chosen[0].key : null;
      const found = this.bench.problems.filter((problem) => problem.key === key);
      for (const [name, field] of Object.entries(this.fields)) {
        const problem = found.find((one) => one.field === name);
        if (problem || field.refusedBefore) field.refuse(problem ? capital(problem.message) : "");
        field.refusedBefore = Boolean(problem);
      }
    }

    focusFirst() {
      this.element.querySelector("textarea, input, select, button")?.focus();
    }
  }

  const capital = (sentence) => sentence[0].toUpperCase() + sentence.slice(1);

  designEditor.Panel = Panel;
  designEditor.kindsThatCanBeAdded = Object.keys(NAMES);
})();
