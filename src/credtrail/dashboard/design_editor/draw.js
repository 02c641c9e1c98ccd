// How one box looks on the canvas, in points as pixels; the canvas scales the whole sheet. Near to the press, not equal:
// the true picture stands below.
(() => {
  const { fit, linesOf, setLines } = designEditor.lettering;
  const SVG = "http://www.w3.org/2000/svg";

  function make(name, attributes = {}) {
    const element = document.createElementNS(SVG, name);
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    return element;
  }

  function div(className, ...children) {
    const element = document.createElement("div");
    element.className = className;
    element.append(...children);
    return element;
  }

  const sideOf = (align, rtl) => (align === "center" ? "center" : (align === "start") === rtl ? "right" : "left");

  function picture(address, fitting, position = "center") {
    const image = document.createElement("img");
    image.src = address;
    image.alt = "";
    image.draggable = false;
    image.style.objectFit = fitting;
    image.style.objectPosition = position;
    return image;
  }

  function text(box, sheet, lines) {
    const letters = div("letters");
    setLines(letters, box, lines, sideOf(box.align, sheet.issuer.rtl));
    letters.style.fontSize = `${fit(box, lines)}px`;
    letters.style.color = sheet.colors.letters(box.color, sheet.ground);
    const holder = div(`ink text ${box.verticalAlign}`, letters);
    if (!lines.length) holder.append(div("absent", "Empty text"));
    return holder;
  }

  function logo(box, sheet) {
    const side = sideOf(box.align, sheet.issuer.rtl);
    if (sheet.issuer.logo) return div("ink", picture(sheet.issuer.logo, "contain", `${side} center`));
    if (box.otherwise === "nothing") return absent("Logo: the workspace has none, so nothing stands here");
    const size = box.height / 2;
    const told = {
      ...box, size, smallestSize: size / 2, weight: "semibold", italic: false, verticalAlign: "middle",
      lineHeight: 1.2, letterSpacing: 0,
    };
    return text(told, sheet, [sheet.issuer.name]);
  }

  function signature(box, sheet) {
    const { signatory, signs } = sheet.issuer;
    if (!signatory.length && !signs) return absent("Signature: the workspace has none, so nothing stands here");
    const letters = div("letters");
    const told = { ...box, weight: "regular", italic: false, lineHeight: 1.3, letterSpacing: 0 };
    setLines(letters, told, signatory, sideOf(box.align, sheet.issuer.rtl));
    letters.style.fontSize = "11px";
    const holder = div("ink signature", div("rule"), letters);
    holder.style.color = sheet.colors.letters(box.color, sheet.ground);
    return holder;
  }

  const absent = (words) => div("ink absent", words);

  function shape(box, sheet) {
    const { width, height } = box;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, overflow: "visible", class: "shape" });
    const stroke = box.thickness > 0 ? sheet.colors.paint(box.stroke) : null;
    const inner = stroke ? box.thickness / 2 : 0;
    const [wide, high] = [Math.max(width - 2 * inner, 0), Math.max(height - 2 * inner, 0)];
    const points = Array.from({ length: box.sides ?? 0 }, (_, at) => {
      const angle = (at / box.sides) * 2 * Math.PI;
      return `${width / 2 + (wide / 2) * Math.sin(angle)},${height / 2 - (high / 2) * Math.cos(angle)}`;
    });
    const radius = Math.min(box.radius ?? 0, width / 2, height / 2);
    const [name, form] = {
      rectangle: ["rect", { x: inner, y: inner, width: wide, height: high, rx: radius }],
      ellipse: ["ellipse", { cx: width / 2, cy: height / 2, rx: wide / 2, ry: high / 2 }],
      polygon: ["polygon", { points: points.join(" ") }],
    }[box.kind];
    const fill = sheet.colors.paint(box.fill) ?? "none";
    svg.append(
      make(name, { ...form, fill, stroke: stroke ?? "none", "stroke-width": box.thickness }),
      make(name, { ...form, fill: "none", class: "reach" }),
    );
    return svg;
  }

  function line(box, sheet) {
    const ends = { x1: 0, y1: 0, x2: box.width, y2: box.height };
    const svg = make("svg", { width: 1, height: 1, overflow: "visible", class: "shape" });
    svg.append(
      make("line", { ...ends, stroke: sheet.colors.paint(box.stroke), "stroke-width": box.thickness }),
      make("line", { ...ends, class: "reach" }),
    );
    return svg;
  }

  const WAYS = {
    text: (box, sheet) => text(box, sheet, linesOf(box, sheet.values)),
    image: (box, sheet) => div("ink", picture(`${sheet.home}/images/${box.image}`, box.fit)),
    "attribute-image": (box) => absent(`Picture from [${box.attribute}]`),
    logo, signature, line,
    qr: (_, sheet) => div("ink", picture(sheet.qr, "contain")),
    rectangle: shape, ellipse: shape, polygon: shape,
  };

  // `sheet` tells what boxes don't know: the issuer, values, colors, the ground, where pictures are.
  const draw = (box, sheet) => WAYS[box.kind](box, sheet);

  const NAMES = {
    text: "Text", image: "Picture", "attribute-image": "Picture from an attribute", logo: "Logo", signature: "Signature",
    qr: "QR code", rectangle: "Rectangle", ellipse: "Ellipse", polygon: "Polygon", line: "Line",
  };

  // What a box is called in lists and by screen readers.
  function nameOf(box) {
    const said = box.kind === "text" ? box.content : box.kind === "image" ? box.alt ?? "" : box.attribute ?? "";
    const whole = said.replace(/\s+/g, " ").trim();
    const brief = whole.length > 60 ? `${whole.slice(0, 60)}…` : whole;
    return brief ? `${NAMES[box.kind]}: ${brief}` : NAMES[box.kind];
  }

  Object.assign(designEditor, { draw, nameOf, NAMES });
})();
