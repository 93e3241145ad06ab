// Every pair of columns: rows below the diagonal in blue, samples over them in orange, histograms on it. Points selected
// in the explorer are drawn over both, and a drag in a cell selects them there.
function startCorner() {
  const found = data.corner, many = found.names.length, canvas = $("map-corner");
  const rows = { data: unpack(found.data), samples: unpack(found.samples) };
  const axes = found.names.map((name) => (given ? given.columns.indexOf(name) : -1)); // of the explorer's points
  const linked = (i, j) => i > j && axes[i] >= 0 && axes[j] >= 0;
  const place = { left: null, top: null, cell: 0, rectangle: null }; // as it was last drawn
  const draw = () => {
    const wide = canvas.clientWidth, gap = wide < 500 ? 4 : 8, edge = wide < 500 ? 40 : 58;
    const cell = (wide - edge - gap * many) / many, height = wide;
    if (cell <= 0) return; // not shown
    canvas.style.height = `${height}px`;
    const { context } = fitted(canvas, height);
    context.font = `${wide < 500 ? 9 : 11}px system-ui, "DejaVu Sans", sans-serif`;
    const left = (j) => edge + j * (cell + gap), top = (i) => i * (cell + gap);
    Object.assign(place, { left, top, cell });
    for (let i = 0; i < many; i++) {
      for (let j = 0; j <= i; j++) {
        context.strokeStyle = theme.colour("line");
        context.strokeRect(left(j) + 0.5, top(i) + 0.5, cell - 1, cell - 1);
        if (i === j) {
          drawBars(context, i, left(j), top(i), cell);
          drawWords(context, i, left(j), top(i), cell);
        }
        if (i !== j) for (const [what, colour] of [["data", "data"], ["samples", "model"]]) drawCloud(context, rows[what], theme.colour(colour), i, j, left(j), top(i), cell);
        if (state.selected && linked(i, j)) drawSelected(context, i, j);
      }
    }
    drawRectangle(context, place.rectangle);
    context.fillStyle = theme.colour("soft");
    context.textAlign = "center";
    context.textBaseline = "top";
    const numbers = (k, most) => marks([found.low[k], found.high[k]], null).filter((_, t, all) => t % Math.ceil(all.length / most) === 0);
    const along = (k, v) => ((v - found.low[k]) / (found.high[k] - found.low[k])) * cell;
    const spare = Math.max(1, Math.floor(cell / 34)); // as many numbers as have room
    for (let k = 0; k < many; k++) {
      if (found.levels && found.levels[k]) continue; // its words are on the diagonal
      context.textAlign = "center";
      context.textBaseline = "top";
      for (const [v, text] of numbers(k, spare)) context.fillText(text, left(k) + along(k, v), top(many - 1) + cell + 4);
      context.textAlign = "right";
      context.textBaseline = "middle";
      if (k > 0) for (const [v, text] of numbers(k, Math.max(2, spare))) context.fillText(text, edge - 4, top(k) + cell - along(k, v));
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const word = (name) => (name.length * 6 > cell ? `${name.slice(0, Math.max(2, Math.floor(cell / 7)))}…` : name);
    found.names.forEach((name, j) => context.fillText(word(name), left(j) + cell / 2, top(many - 1) + cell + 18));
    found.names.forEach((name, i) => {
      if (i === 0) return;
      context.save();
      context.translate(9, top(i) + cell / 2);
      context.rotate(-Math.PI / 2);
      context.fillText(word(name), 0, -6);
      context.restore();
    });
  };

  function drawCloud(context, values, colour, i, j, x, y, cell) {
    context.fillStyle = colour;
    context.globalAlpha = 0.42;
    const size = (cell < 90 ? 1.2 : 1.8) * (values.length / many < 400 ? 1.8 : 1);
    for (let k = 0; k < values.length; k += many) {
      const a = (values[k + j] - found.low[j]) / (found.high[j] - found.low[j]);
      const b = (values[k + i] - found.low[i]) / (found.high[i] - found.low[i]);
      if (a > 0 && a < 1 && b > 0 && b < 1) context.fillRect(x + a * cell, y + (1 - b) * cell, size, size);
    }
    context.globalAlpha = 1;
  }

  // Where a point of the explorer lies in the cell of columns j and i.
  function pixel(point, i, j) {
    const [a, b] = [j, i].map((k) => (value(0, point, axes[k]) - found.low[k]) / (found.high[k] - found.low[k]));
    return [place.left(j) + a * place.cell, place.top(i) + (1 - b) * place.cell];
  }

  function drawSelected(context, i, j) {
    context.save();
    context.beginPath();
    context.rect(place.left(j), place.top(i), place.cell, place.cell);
    context.clip();
    context.fillStyle = theme.colour("ink");
    const size = place.cell < 90 ? 2 : 3;
    for (let k = 0; k < POINTS; k++) {
      if (!state.selected[k]) continue;
      const [x, y] = pixel(k, i, j);
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
    context.restore();
  }

  function cellAt(x, y) {
    for (let i = 1; i < many; i++) {
      for (let j = 0; j < i; j++) {
        const a = x - place.left(j), b = y - place.top(i);
        if (linked(i, j) && a >= 0 && a <= place.cell && b >= 0 && b <= place.cell) return [i, j];
      }
    }
    return null;
  }

  function listen() {
    let cell = null;
    canvas.addEventListener("pointerdown", (event) => {
      const start = placeOf({ canvas }, event);
      cell = cellAt(...start);
      if (!cell) return;
      place.rectangle = [...start, ...start];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!cell) return;
      place.rectangle.splice(2, 2, ...placeOf({ canvas }, event));
      draw();
    });
    canvas.addEventListener("pointerup", () => {
      if (!cell) return;
      const [rectangle, [i, j]] = [place.rectangle, cell];
      cell = place.rectangle = null;
      const moved = Math.hypot(rectangle[2] - rectangle[0], rectangle[3] - rectangle[1]) > 5;
      const inside = insideOf(rectangle);
      state.select((k) => moved && inside(...pixel(k, i, j))); // a click clears
    });
    canvas.addEventListener("pointercancel", () => {
      cell = place.rectangle = null;
      draw();
    });
    state.listeners.push((what) => { if ("selected" in what) draw(); });
  }

  // What the numbers of a column of texts stand for, along its histogram.
  function drawWords(context, i, x, y, cell) {
    const words = found.levels && found.levels[i];
    if (!words || words.length > 12) return;
    context.fillStyle = theme.colour("ink");
    context.textAlign = "left";
    context.textBaseline = "middle";
    words.forEach((word, v) => {
      context.save();
      context.translate(x + ((v - found.low[i]) / (found.high[i] - found.low[i])) * cell, y + cell - 6);
      context.rotate(-Math.PI / 2);
      context.fillText(shorten(word), 0, 0);
      context.restore();
    });
  }

  function drawBars(context, i, x, y, cell) {
    const bins = 32, lines = [["data", "data"], ["samples", "model"]].map(([what, colour]) => {
      const heights = new Float32Array(bins), values = rows[what];
      for (let k = i; k < values.length; k += many) {
        const at = Math.floor(((values[k] - found.low[i]) / (found.high[i] - found.low[i])) * bins);
        if (at >= 0 && at < bins) heights[at] += many / values.length;
      }
      return [heights, theme.colour(colour)];
    });
    const most = Math.max(...lines.flatMap(([heights]) => [...heights])) * 1.1;
    for (const [heights, colour] of lines) {
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      context.beginPath();
      heights.forEach((h, b) => {
        const level = y + cell - (h / most) * (cell - 2) - 1;
        context.lineTo(x + (b / bins) * cell, level);
        context.lineTo(x + ((b + 1) / bins) * cell, level);
      });
      context.stroke();
    }
  }

  theme.listeners.push(draw);
  new ResizeObserver(draw).observe(canvas);
  draw();
  if (axes.filter((axis) => axis >= 0).length > 1) listen();
  return { canvas, pixel, cellAt, place };
}
