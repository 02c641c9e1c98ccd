// Text and colors as the press sets them: values in place of placeholders, the size in which a text fits, letters in
// the issuer's color dark enough to be read. What it says about fitting is said in `looks/own.typ` too.
(() => {
  const PLACEHOLDER = /\[((?:recipient|group|issuer|certificate|signatory|custom)\.[^[\]\s]*)\]/g;
  const WEIGHTS = { regular: 400, medium: 500, semibold: 600, bold: 700 };
  const SERIF = '"EB Garamond", "Amiri", "Frank Ruhl Libre"';
  const FALLBACK = '"Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", sans-serif';

  function linesOf(box, values) {
    const named = (line) => [...line.matchAll(PLACEHOLDER)].map((match) => match[1]);
    return box.content
      .split("\n")
      .filter((line) => !box.omitEmptyLines || !named(line).length || named(line).some((name) => values.get(name)))
      .map((line) => line.replace(PLACEHOLDER, (_, name) => values.get(name) ?? ""))
      .filter((line) => line.trim());
  }

  // Letters of these scripts stand apart, so that the space between them may change.
  const isApart = (text) => [...text].every((letter) => letter < "\u0530" || (letter >= "\u1e00" && letter < "\u2100"));

  function setLines(element, box, lines, side) {
    const style = element.style;
    style.fontFamily = box.font === "EB Garamond" ? `${SERIF}, ${FALLBACK}` : `"${box.font}", ${FALLBACK}`;
    style.fontWeight = WEIGHTS[box.weight];
    style.fontStyle = box.italic ? "italic" : "normal";
    style.lineHeight = box.lineHeight;
    style.textAlign = side;
    element.replaceChildren(...lines.map((line) => {
      const one = document.createElement("div");
      one.dir = "auto";
      one.textContent = line;
      if (isApart(line)) one.style.letterSpacing = `${box.letterSpacing}em`;
      return one;
    }));
  }

  let ruler = null;

  // The largest size in which the lines fit: on one line each down to the smallest, then wrapped, then smaller.
  function fit(box, lines) {
    if (!ruler) {
      ruler = document.createElement("div");
      ruler.className = "ruler letters";
      ruler.setAttribute("aria-hidden", "true");
      document.body.append(ruler);
    }
    setLines(ruler, box, lines, "left");
    const measured = (size, width, wrap) => {
      ruler.style.fontSize = `${size}px`;
      ruler.style.width = width;
      ruler.style.whiteSpace = wrap;
      return ruler.getBoundingClientRect();
    };
    const smallest = box.smallestSize ?? box.size;
    let size = box.size;
    for (let turn = 0; turn < 4; turn += 1) {
      const natural = measured(size, "max-content", "nowrap").width;
      if (natural > box.width) size = Math.max(size * (box.width / natural) * 0.997, smallest);
    }
    const fits = (size) =>
      measured(size, "min-content", "normal").width <= box.width + 0.1 &&
      measured(size, `${box.width}px`, "normal").height <= box.height + 0.1;
    if (fits(size)) return size;
    let [low, high] = [Math.min(3, size), size];
    for (let turn = 0; turn < 9 && fits(low); turn += 1) {
      const middle = (low + high) / 2;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return low;
  }

  const parts = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

  function luminance(color) {
    const [red, green, blue] = parts(color).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function readable(color, ground) {
    const on = luminance(ground);
    for (let step = 0; step < 50; step += 1) {
      const darker = `#${parts(color).map((part) => Math.round(part * (1 - step / 50)).toString(16).padStart(2, "0")).join("")}`;
      const [low, high] = [luminance(darker), on].sort((one, other) => one - other);
      if ((high + 0.05) / (low + 0.05) >= 4.6) return darker;
    }
    return "#000000";
  }

  const painter = (issuer) => ({
    paint: (name) => (name === "brand" ? issuer.brand : name === "on-brand" ? issuer.onBrand : name),
    letters(name, background) {
      const ground = this.paint(background) ?? "#ffffff";
      return name === "brand" && luminance(ground) > 0.4 ? readable(issuer.brand, ground) : this.paint(name);
    },
  });

  designEditor.lettering = { fit, linesOf, painter, setLines };
})();
