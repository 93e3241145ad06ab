// One view of the points, at a place in the flow of its own.
class Panel {
  constructor(id, place) {
    this.canvas = $(id);
    this.place = place;
    this.rectangle = null;
    this.cursor = -1;
  }

  get at() { return this.place(); }

  // Where a point is on the canvas, in CSS pixels.
  pixel(point) {
    const at = this.at;
    return [this.scale.x(coordinate(at, point, 0)), this.scale.y(coordinate(at, point, 1))];
  }

  draw() {
    const { context, wide, high } = fitted(this.canvas), at = this.at, box = boxAt(at);
    const words = [axisWords(at, 0), axisWords(at, 1)];
    this.scale = scaleOf(box, wide, high, words[1] ? { ...MARGIN, left: 80 } : MARGIN);
    if (isHidden(this.scale)) return;
    drawAxes(context, box, this.scale, [axisName(at, 0), axisName(at, 1)], words);
    const { x, y, w, h } = this.scale.place;
    context.save();
    context.beginPath();
    context.rect(x, y, w, h);
    context.clip();
    this.drawGrid(context, at);
    this.drawContours(context, at);
    this.drawPoints(context, at);
    context.restore();
    drawRectangle(context, this.rectangle);
  }

  drawGrid(context, at) {
    if (!grid || !state.grid || AXES !== 2) return;
    const swap = state.axes[0] === 1 ? 1 : 0, [, lines, along] = given.grid.shape;
    context.strokeStyle = theme.colour("grid");
    context.lineWidth = 1;
    for (let l = 0; l < lines; l++) {
      context.beginPath();
      for (let p = 0; p < along; p++) {
        const read = (k) => between(at, (frame) => grid[((frame * lines + l) * along + p) * 2 + k]);
        context.lineTo(this.scale.x(read(swap)), this.scale.y(read(1 - swap)));
      }
      context.stroke();
    }
  }

  drawContours(context, at) {
    if (at === FRAMES - 1 && given.normal && AXES > 1) this.drawCircles(context);
    if (at !== 0 || AXES !== 2 || state.axes[0] !== 0) return;
    context.strokeStyle = theme.colour("model");
    context.lineWidth = 1.2;
    for (const level of given.contours) for (const line of level) drawLine(context, this.scale, line);
  }

  // One, two and three standard deviations of the base.
  drawCircles(context) {
    context.strokeStyle = theme.colour("model");
    context.lineWidth = 1.2;
    const { x, y } = this.scale;
    for (const r of [1, 2, 3]) {
      context.beginPath();
      context.ellipse(x(0), y(0), x(r) - x(0), y(0) - y(r), 0, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  drawPoints(context, at) {
    const colours = shownColours(), chosen = state.selected;
    const order = [...Array(POINTS).keys()];
    if (chosen) order.sort((a, b) => chosen[a] - chosen[b]);
    for (const i of order) this.drawPoint(context, at, i, colours[i], chosen && !chosen[i]);
    if (state.hovered >= 0) this.drawRing(context, state.hovered);
  }

  drawPoint(context, at, i, colour, faded) {
    const [x, y] = this.pixel(i);
    context.globalAlpha = faded ? 0.2 : thumbs ? 1 : 0.8;
    if (thumbs) {
      const side = this.canvas.clientWidth < 240 ? 16 : SIDE;
      context.fillStyle = colour;
      context.fillRect(x - side / 2 - 2, y - side / 2 - 2, side + 4, side + 4);
      drawPicture(context, at, i, x, y, side);
    } else {
      context.fillStyle = faded ? theme.colour("far") : colour;
      context.beginPath();
      context.arc(x, y, state.selected && !faded ? 3 : 2.3, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  drawRing(context, i) {
    const [x, y] = this.pixel(i);
    context.strokeStyle = theme.colour("ink");
    context.lineWidth = 2;
    if (thumbs) { // above all others, and larger
      drawPicture(context, this.at, i, x, y, 1.6 * SIDE);
      context.strokeRect(x - 0.8 * SIDE, y - 0.8 * SIDE, 1.6 * SIDE, 1.6 * SIDE);
      return;
    }
    context.beginPath();
    context.arc(x, y, 6.5, 0, 2 * Math.PI);
    context.stroke();
  }

  nearest(x, y, reach = thumbs ? 22 : 14) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < POINTS; i++) {
      const [px, py] = this.pixel(i), far = (px - x) ** 2 + (py - y) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  within(rectangle) {
    const inside = insideOf(rectangle);
    return (i) => inside(...this.pixel(i));
  }
}

// The rectangle that a drag has drawn so far, and whether a place lies in it.
function drawRectangle(context, rectangle) {
  if (!rectangle) return;
  const [a, b, c, d] = rectangle;
  context.strokeStyle = theme.colour("data");
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.strokeRect(a, b, c - a, d - b);
  context.setLineDash([]);
}

function insideOf([a, b, c, d]) {
  const [left, right] = [Math.min(a, c), Math.max(a, c)], [top, bottom] = [Math.min(b, d), Math.max(b, d)];
  return (x, y) => x >= left && x <= right && y >= top && y <= bottom;
}

const grid = given ? unpack(given.grid) : null;
let painted = { key: "", of: [] };
function shownColours() {
  const key = `${theme.name}/${state.colour}`;
  if (painted.key !== key) painted = { key, ...colouring(given.colours[state.colour]) };
  return painted.of;
}
