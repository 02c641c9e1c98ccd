// Charts of insights: lines drawn by uPlot from the figure's data-chart, and pictures of charts as PNG.
(() => {
  // Told apart without colours too, by their dashes. Colours: Okabe and Ito, made fit for either ground in the style sheet.
  const DASHES = [[], [8, 4], [2, 3], [12, 4, 2, 4], [4, 4], [16, 6]];
  const drawn = new Map();

  const styles = () => getComputedStyle(document.documentElement);
  const color = (name) => styles().getPropertyValue(name).trim();

  function draw(figure) {
    drawn.get(figure)?.destroy();
    const plot = figure.querySelector(".plot");
    plot.replaceChildren();
    const { starts, ticks, lines } = JSON.parse(figure.dataset.chart);
    const ink = color("--quiet");
    const grid = { stroke: color("--line"), width: 1 };
    const font = `12px ${styles().getPropertyValue("--sans")}`;
    const axis = { stroke: ink, grid, ticks: grid, font };
    const series = lines.map(({ label }, number) => ({
      label,
      stroke: color(`--series-${number + 1}`),
      width: 2,
      dash: DASHES[number],
      points: { show: starts.length < 40, size: 6 },
    }));
    const whole = (_, splits) => splits.map((at) => (Number.isInteger(at) ? at.toLocaleString("en") : ""));
    const options = {
      width: Math.max(plot.clientWidth, 240),
      height: plot.clientWidth < 500 ? 240 : 320,
      scales: { x: { time: false }, y: { range: (_, least, most) => [0, Math.max(most * 1.05, 1)] } },
      axes: [
        {
          ...axis,
          space: 90,
          values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? (ticks[at] ?? "") : "")),
        },
        { ...axis, size: 64, values: whole },
      ],
      series: [{ label: "Begins", value: (_, at) => (at === null ? "–" : (starts[at] ?? "–")) }, ...series],
      cursor: { drag: { x: false, y: false } },
      hooks: { ready: [askToPoint], setLegend: [({ root, legend }) => root.classList.toggle("pointed", legend.idx !== null)] },
    };
    const data = [starts.map((_, at) => at), ...lines.map(({ counts }) => counts)];
    drawn.set(figure, new uPlot(options, data, plot));
  }

  // The legend has numbers of the column that is pointed at. Before, it says so instead of dashes.
  function askToPoint({ root }) {
    const words = document.createElement("span");
    words.className = "unpointed";
    words.textContent = "Point at the chart to read its numbers.";
    root.querySelector(".u-legend .u-series th").append(words);
  }

  function drawAll() {
    for (const figure of drawn.keys()) {
      if (!figure.isConnected) {
        drawn.get(figure).destroy();
        drawn.delete(figure);
      }
    }
    document.querySelectorAll("figure[data-chart]").forEach(draw);
    document.querySelectorAll("[data-saves]").forEach((button) => (button.hidden = false));
  }

  // The picture has what a picture needs that stands alone: ground, title, and what each line is.
  async function save(figure) {
    const chart = figure.dataset.chart ? figure.querySelector(".plot canvas") : await svgAsImage([...figure.querySelectorAll("svg")].find((svg) => svg.getBoundingClientRect().width));
    const scale = 2;
    const width = figure.dataset.chart ? chart.width : chart.width * scale;
    const height = figure.dataset.chart ? chart.height : chart.height * scale;
    const unit = figure.dataset.chart ? devicePixelRatio : scale;
    const lines = figure.dataset.chart ? JSON.parse(figure.dataset.chart).lines : [];
    const canvas = document.createElement("canvas");
    const edge = 16 * unit;
    canvas.width = width + 2 * edge;
    canvas.height = height + 2 * edge + (32 + lines.length * 20) * unit;
    const pen = canvas.getContext("2d");
    pen.fillStyle = color("--paper");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = color("--ink");
    pen.font = `600 ${16 * unit}px ${styles().getPropertyValue("--sans")}`;
    pen.fillText(pictureTitle(figure), edge, edge + 14 * unit, width);
    pen.drawImage(chart, edge, edge + 32 * unit, width, height);
    pen.font = `${13 * unit}px ${styles().getPropertyValue("--sans")}`;
    lines.forEach(({ label }, number) => {
      const y = edge + height + (44 + number * 20) * unit;
      pen.strokeStyle = color(`--series-${number + 1}`);
      pen.lineWidth = 2 * unit;
      pen.setLineDash(DASHES[number].map((length) => length * unit));
      pen.beginPath();
      pen.moveTo(edge, y);
      pen.lineTo(edge + 36 * unit, y);
      pen.stroke();
      pen.fillText(label, edge + 44 * unit, y + 4 * unit);
    });
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${figure.id}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }, "image/png");
  }

  function pictureTitle(figure) {
    const title = figure.querySelector("figcaption").textContent;
    const span = document.querySelector("#insights .span")?.firstChild?.textContent.trim();
    return span ? `${title}, ${span}` : title;
  }

  // An image knows no style sheet: the computed styles go into a copy.
  async function svgAsImage(svg) {
    const copy = svg.cloneNode(true);
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const originals = svg.querySelectorAll("*");
    copy.querySelectorAll("*").forEach((element, at) => {
      const style = getComputedStyle(originals[at]);
      for (const name of ["fill", "font-family", "font-size", "font-weight"]) element.setAttribute(name, style.getPropertyValue(name));
    });
    const image = new Image(width, height);
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    return image;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-saves]");
    if (button) save(document.getElementById(button.dataset.saves));
  });

  // Whoever sets a day means it. It is asked for with Show or Enter: a year that is being typed is no year yet.
  document.addEventListener(
    "change",
    (event) => {
      if (!event.target.matches("[data-own-period]")) return;
      event.target.form.elements.namedItem("period").value = "own";
      event.stopPropagation();
    },
    true,
  );
  document.addEventListener("htmx:configRequest", (event) => {
    const given = event.detail.parameters;
    if (given.get?.("period") && given.get("period") !== "own") {
      given.delete("from");
      given.delete("to");
    }
  });
  // A table that was opened stays open when its numbers come anew.
  const tables = () => [...document.querySelectorAll("#insights .as-table")];
  let opened = [];
  document.addEventListener("htmx:beforeSwap", () => (opened = tables().map((one) => one.open)));
  document.addEventListener("htmx:afterSwap", () => tables().forEach((one, at) => (one.open ||= opened[at] ?? false)));
  document.addEventListener("htmx:afterSettle", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) {
      width = innerWidth;
      drawAll();
    }
  });
  drawAll();
})();
