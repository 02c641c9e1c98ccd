// Fields of the properties: each makes its element, shows a value, and hands on what was chosen. Knows no document.
(() => {
  const MILLIMETRE = 72 / 25.4;
  let made = 0;

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(attribute, "");
      else if (value !== false && value !== null) element.setAttribute(attribute, value);
    }
    element.append(...children);
    return element;
  }

  const options = (list) => list.map(([value, words]) => make("option", { value }, words));

  // A label, what belongs to it, and a place for what is wrong with it.
  function labelled(words, control, ...more) {
    control.id = `property-${(made += 1)}`;
    const problem = make("p", { class: "problem", id: `${control.id}-problem`, hidden: true });
    const element = make("div", { class: "property" }, make("label", { for: control.id }, words), control, ...more, problem);
    const refuse = (sentence) => {
      problem.hidden = !sentence;
      problem.textContent = sentence;
      control.toggleAttribute("aria-invalid", false);
      if (sentence) control.setAttribute("aria-invalid", "true");
      if (sentence) control.setAttribute("aria-describedby", problem.id);
      else control.removeAttribute("aria-describedby");
    };
    return { element, control, refuse };
  }

  // A number in its unit; `mm` are kept as points. An empty field is null where it may be.
  function number({ words, unit = "", least, most, step = 1, empty = false, isLength = false }, change) {
    const scale = isLength ? MILLIMETRE : 1;
    const [min, max] = [least, most].map((bound) => Math[bound < 0 ? "ceil" : "floor"]((bound / scale) * 100) / 100);
    const input = make("input", { type: "number", step: "any", min: Math.max(min, least / scale), max, inputmode: "decimal" });
    const field = labelled(unit ? `${words} (${unit})` : words, input);
    input.addEventListener("keydown", (event) => {
      const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const next = Number(input.value || 0) + way * step * (event.shiftKey ? 10 : 1);
      input.value = Math.round(Math.min(max, Math.max(Number(input.min), next)) * 100) / 100;
      input.dispatchEvent(new Event("input"));
    });
    input.addEventListener("input", () => {
      const isEmpty = input.value === "" && !input.validity.badInput;
      const fits = isEmpty ? empty : input.checkValidity();
      field.refuse(fits ? "" : `must be a number from ${input.min} to ${input.max}`);
      if (fits) change(isEmpty ? null : Math.round(Number(input.value) * scale * 100) / 100);
    });
    const show = (value) => {
      input.value = value === null ? "" : Math.round((value / scale) * (isLength ? 10 : 100)) / (isLength ? 10 : 100);
    };
    return { ...field, show };
  }

  function choice({ words, list }, change) {
    const select = make("select", {}, ...options(list));
    select.addEventListener("change", () => change(select.value));
    return { ...labelled(words, select), show: (value) => (select.value = value) };
  }

  function check({ words, on = true, off = false }, change) {
    const input = make("input", { type: "checkbox" });
    input.addEventListener("change", () => change(input.checked ? on : off));
    const field = labelled(words, input);
    field.element.classList.add("ticked");
    return { ...field, show: (value) => (input.checked = value === on) };
  }

  function text({ words, longest, empty = false }, change) {
    const input = make("input", { type: "text", maxlength: longest, dir: "auto", autocomplete: "off" });
    input.addEventListener("input", () => change(input.value || (empty ? null : "")));
    return { ...labelled(words, input), show: (value) => (input.value = value ?? "") };
  }

  // A text with placeholders, which a list beside it puts where the caret is.
  function content({ words, longest, placeholders }, change) {
    const area = make("textarea", { rows: 3, maxlength: longest, dir: "auto", spellcheck: "true" });
    const list = make("select", { "aria-label": "Placeholder" },
      ...options(placeholders.map((one) => [one.name, one.words])));
    const insert = make("button", { type: "button", class: "button small" }, "Insert");
    insert.addEventListener("click", () => {
      area.setRangeText(`[${list.value}]`, area.selectionStart, area.selectionEnd, "end");
      area.focus();
      change(area.value);
    });
    area.addEventListener("input", () => change(area.value));
    const field = labelled(words, area, make("div", { class: "insert" }, list, insert));
    return { ...field, show: (value) => (area.value = value) };
  }

  // The issuer's color, one that can be read on it, one of one's own with its opacity, or none.
  function color({ words, none = false, otherwise = "#1c1f23" }, change) {
    const kinds = [["brand", "Issuer’s color"], ["on-brand", "Readable on issuer’s"], ["own", "Own color"]];
    const select = make("select", {}, ...options(none ? [...kinds, ["none", none]] : kinds));
    const pick = make("input", { type: "color", "aria-label": `${words}: own color` });
    const opacity = make("input", { type: "number", min: 0, max: 100, step: 1, "aria-label": `${words}: opacity in percent` });
    const own = make("div", { class: "own-color" }, pick, opacity, make("span", { "aria-hidden": "true" }, "%"));
    const tell = () => {
      const part = Math.round((Math.min(100, Math.max(0, Number(opacity.value))) / 100) * 255);
      change(part === 255 ? pick.value : `${pick.value}${part.toString(16).padStart(2, "0")}`);
    };
    select.addEventListener("change", () => {
      if (select.value === "own") change(otherwise);
      else change(select.value === "none" ? null : select.value);
    });
    pick.addEventListener("input", tell);
    opacity.addEventListener("input", () => opacity.checkValidity() && tell());
    const show = (value) => {
      const isOwn = value?.startsWith("#");
      select.value = value === null ? "none" : isOwn ? "own" : value;
      own.hidden = !isOwn;
      if (!isOwn) return;
      pick.value = value.slice(0, 7).toLowerCase();
      opacity.value = Math.round((parseInt(value.slice(7) || "ff", 16) / 255) * 100);
    };
    return { ...labelled(words, select, own), show };
  }

  function button({ words }, act) {
    const control = make("button", { type: "button", class: "button small" }, words);
    control.addEventListener("click", act);
    const refuse = () => {};
    return { element: make("div", { class: "property" }, control), control, refuse, show: () => {} };
  }

  designEditor.fields = { button, check, choice, color, content, make, number, text };
})();
