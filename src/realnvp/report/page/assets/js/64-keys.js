// The keyboard on a panel: arrows go to the next point that way, Enter selects it, Escape clears.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The nearest point within 45 degrees of a direction.
function neighbour(panel, from, [dx, dy]) {
  const [x, y] = panel.pixel(from);
  let best = from, least = Infinity;
  for (let i = 0; i < POINTS; i++) {
    const [px, py] = panel.pixel(i), along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if (i !== from && along > 0.5 && aside <= along && along + aside < least) [best, least] = [i, along + aside];
  }
  return best;
}

function listenToKeys(panel) {
  panel.canvas.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (way) {
      const { x, y, w, h } = panel.scale.place;
      panel.cursor = panel.cursor < 0 ? panel.nearest(x + w / 2, y + h / 2, Infinity) : neighbour(panel, panel.cursor, way);
      state.change({ hovered: panel.cursor });
      showTip(panel, panel.cursor);
      $("told").textContent = pointLines(panel, panel.cursor).join("; ");
    } else if (event.key === "Enter" || event.key === " ") {
      const chosen = state.selected;
      if (panel.cursor >= 0) state.select((i) => (i === panel.cursor ? !(chosen && chosen[i]) : chosen && chosen[i]));
    } else if (event.key === "Escape") {
      state.change({ selected: null });
    } else return;
    event.preventDefault();
  });
  panel.canvas.addEventListener("blur", () => {
    panel.cursor = -1;
    state.change({ hovered: -1 });
    showTip(panel, -1);
  });
}
