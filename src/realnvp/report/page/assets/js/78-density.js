// Densities of the plane: colours, the contours that hold given shares of the mass, and the value under the pointer.
class DensityMap {
  constructor(canvas, found, top, box, other) {
    Object.assign(this, { canvas, found, top, box, other });
    this.cells = unpack(found.cells);
    this.side = found.cells.shape[0];
    canvas.addEventListener("pointermove", (event) => this.tell(event));
    theme.listeners.push(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.draw();
  }

  picture() {
    const canvas = make("canvas"), n = this.side;
    canvas.width = canvas.height = n;
    const context = canvas.getContext("2d"), image = context.createImageData(n, n);
    const paint = Array.from({ length: 256 }, (_, v) => viridis(v / 255).match(/\d+/g).map(Number));
    for (let i = 0; i < n * n; i++) {
      const row = n - 1 - Math.floor(i / n), to = 4 * (row * n + (i % n)), v = this.cells[i];
      image.data.set([...paint[v], Math.min(255, v * 12)], to);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  draw() {
    const box = [[this.box[0][0], this.box[1][0]], [this.box[0][1], this.box[1][1]]];
    const sides = box.map(([low, high]) => high - low), shape = sides[1] / sides[0];
    const plain = shape > 5 || shape < 0.2 ? 1 : shape, wide = this.canvas.clientWidth;
    const height = Math.min(760, MARGIN.top + MARGIN.bottom + plain * (wide - MARGIN.left - MARGIN.right));
    this.canvas.style.height = `${height}px`;
    const { context } = fitted(this.canvas, height);
    this.scale = scaleOf(box, wide, height);
    if (isHidden(this.scale)) return;
    const { x, y, w, h } = this.scale.place;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.picture(), x, y, w, h);
    drawAxes(context, box, this.scale, data.density.names);
    context.lineWidth = 1.1;
    context.strokeStyle = theme.colour("ink");
    drawRimmed(context, this.scale, this.found.lines);
    if (!this.other) return;
    context.setLineDash([4, 4]);
    context.strokeStyle = theme.colour("model");
    drawRimmed(context, this.scale, this.other.lines);
    context.setLineDash([]);
  }

  // The density at a place of the canvas, in its own units.
  read(px, py) {
    const { x, y, w, h } = this.scale.place, n = this.side;
    const i = Math.floor(((px - x) / w) * n), j = Math.floor((1 - (py - y) / h) * n);
    if (i < 0 || j < 0 || i >= n || j >= n) return null;
    const [low, high] = this.box, at = [0, 1].map((k) => low[k] + ((k ? j : i) + 0.5) / n * (high[k] - low[k]));
    return { at, value: (this.cells[j * n + i] / 255) * this.top };
  }

  tell(event) {
    const box = this.canvas.getBoundingClientRect(), found = this.read(event.clientX - box.left, event.clientY - box.top);
    const place = $("density-told");
    place.textContent = found ? `At ${found.at.map(say).join(", ")}: ${say(found.value)} (density, to 1/255 of the top)` : " ";
  }
}

function startDensity() {
  const found = data.density;
  const maps = [new DensityMap($("map-learnt"), found.learnt, found.top, found.box, found.exact)];
  if (found.exact) maps.push(new DensityMap($("map-exact"), found.exact, found.top, found.box, null));
  const scale = () => { $("density-scale").replaceChildren(make("span", "Density: 0"), ramp(), make("span", say(found.top))); };
  theme.listeners.push(scale);
  scale();
  return maps;
}
