// Where boxes go: pure geometry in points. Boxes are { x, y, width, height, rotation }; a line may run backwards.
(() => {
  const round = (value) => Math.round(value * 100) / 100;
  const radians = (degrees) => (degrees * Math.PI) / 180;

  function turned(x, y, degrees) {
    const [sine, cosine] = [Math.sin(radians(degrees)), Math.cos(radians(degrees))];
    return [x * cosine - y * sine, x * sine + y * cosine];
  }

  // The box without its turn, width and height from 0.
  function rectOf({ x, y, width, height }) {
    return {
      x: Math.min(x, x + width), y: Math.min(y, y + height), width: Math.abs(width), height: Math.abs(height),
    };
  }

  function around(boxes) {
    const rects = boxes.map(rectOf);
    const [x, y] = [Math.min(...rects.map((one) => one.x)), Math.min(...rects.map((one) => one.y))];
    const right = Math.max(...rects.map((one) => one.x + one.width));
    const bottom = Math.max(...rects.map((one) => one.y + one.height));
    return { x, y, width: right - x, height: bottom - y };
  }

  const shifted = (box, dx, dy) => ({ x: round(box.x + dx), y: round(box.y + dy) });

  // One box goes to the page's edge or middle, several to that which they have together.
  function align(boxes, side, page) {
    const frame = boxes.length > 1 ? around(boxes) : { x: 0, y: 0, ...page };
    return (box) => {
      const rect = rectOf(box);
      const left = { dx: frame.x - rect.x }, top = { dy: frame.y - rect.y };
      const { dx = 0, dy = 0 } = {
        left, top,
        right: { dx: left.dx + frame.width - rect.width },
        center: { dx: left.dx + (frame.width - rect.width) / 2 },
        bottom: { dy: top.dy + frame.height - rect.height },
        middle: { dy: top.dy + (frame.height - rect.height) / 2 },
      }[side];
      return shifted(box, dx, dy);
    };
  }

  // Equal gaps between the boxes; the outermost two stay.
  function distribute(boxes, place, length) {
    const found = boxes.map((box) => ({ key: box.key, rect: rectOf(box) }));
    found.sort((one, other) => one.rect[place] - other.rect[place]);
    const frame = around(boxes);
    const filled = found.reduce((sum, { rect }) => sum + rect[length], 0);
    const gap = (frame[length] - filled) / (found.length - 1);
    let at = frame[place];
    const moves = new Map(found.map(({ key, rect }) => {
      const move = at - rect[place];
      at += rect[length] + gap;
      return [key, move];
    }));
    return (box) => shifted(box, place === "x" ? moves.get(box.key) : 0, place === "y" ? moves.get(box.key) : 0);
  }

  // How far `moving` has to go on to lie on an edge or middle within `reach`, and the lines that it lies on then.
  function snap(moving, others, page, reach) {
    const frames = [{ x: 0, y: 0, ...page }, ...others.map(rectOf)];
    const along = (place, length) => {
      const marks = (rect) => [rect[place], rect[place] + rect[length] / 2, rect[place] + rect[length]];
      let best = { gap: reach, line: null };
      for (const mark of frames.flatMap(marks)) {
        for (const own of marks(moving)) {
          const gap = mark - own;
          if (Math.abs(gap) < Math.abs(best.gap)) best = { gap, line: mark };
        }
      }
      return best.line === null ? { gap: 0, line: null } : best;
    };
    const [x, y] = [along("x", "width"), along("y", "height")];
    return { dx: x.gap, dy: y.gap, x: x.line, y: y.line };
  }

  // The box after its handle ([-1|0|1, -1|0|1] from its middle) went by (dx, dy); what is opposite stays in place.
  function resize(box, [side, end], dx, dy, keepsShape) {
    const [own, down] = turned(dx, dy, -(box.rotation ?? 0));
    let width = Math.max(1, box.width + side * own), height = Math.max(1, box.height + end * down);
    if (keepsShape && side && end) {
      const scale = Math.max(width / box.width, height / box.height);
      [width, height] = [box.width * scale, box.height * scale];
    }
    const [moveX, moveY] = turned((side * (width - box.width)) / 2, (end * (height - box.height)) / 2, box.rotation ?? 0);
    return {
      x: round(box.x + box.width / 2 + moveX - width / 2), y: round(box.y + box.height / 2 + moveY - height / 2),
      width: round(width), height: round(height),
    };
  }

  // A line after one of its ends (0 or 1) went by (dx, dy); its turn becomes part of its ends.
  function stretch(line, end, dx, dy) {
    const [middleX, middleY] = [line.x + line.width / 2, line.y + line.height / 2];
    const [halfX, halfY] = turned(line.width / 2, line.height / 2, line.rotation ?? 0);
    const ends = [[middleX - halfX, middleY - halfY], [middleX + halfX, middleY + halfY]];
    ends[end] = [ends[end][0] + dx, ends[end][1] + dy];
    const [[x, y], [toX, toY]] = ends;
    return { x: round(x), y: round(y), width: round(toX - x), height: round(toY - y), rotation: 0 };
  }

  // Back onto the page, for what lies outside of it.
  function pull(box, page) {
    const rect = rectOf(box);
    const back = (at, length, whole) => Math.max(Math.min(at, whole - Math.min(length, whole)), 0) - at;
    return shifted(box, back(rect.x, rect.width, page.width), back(rect.y, rect.height, page.height));
  }

  designEditor.arrange = { align, around, distribute, pull, rectOf, resize, round, shifted, snap, stretch, turned };
})();
