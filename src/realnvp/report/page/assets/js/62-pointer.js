// The pointer on a panel: hovering tells of a point, dragging selects, a click picks one or clears.
function placeOf(panel, event) {
  const box = panel.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function listenToPointer(panel) {
  const canvas = panel.canvas;
  let start = null;
  canvas.addEventListener("pointerdown", (event) => {
    start = placeOf(panel, event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = placeOf(panel, event);
    if (start) {
      panel.rectangle = [...start, ...here];
      panel.draw();
      return;
    }
    const found = panel.nearest(...here);
    if (found !== state.hovered) state.change({ hovered: found });
    showTip(panel, found);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!start) return;
    const [x, y] = placeOf(panel, event), moved = Math.hypot(x - start[0], y - start[1]) > 5;
    const picked = panel.nearest(x, y), test = panel.within([...start, x, y]);
    start = panel.rectangle = null;
    if (moved) state.select(test);
    else state.select((i) => i === picked);
  });
  canvas.addEventListener("pointercancel", () => {
    start = panel.rectangle = null;
    panel.draw();
  });
  canvas.addEventListener("pointerleave", () => {
    if (!start) {
      state.change({ hovered: -1 });
      showTip(panel, -1);
    }
  });
}

function showTip(panel, i) {
  const tip = $("tip");
  tip.hidden = i < 0;
  if (i < 0) return;
  tip.replaceChildren();
  if (thumbs) {
    const picture = make("canvas");
    picture.width = WIDE;
    picture.height = HIGH;
    picture.getContext("2d").drawImage(atlas(Math.round(panel.at)), i * WIDE, 0, WIDE, HIGH, 0, 0, WIDE, HIGH);
    tip.append(picture);
  }
  for (const line of pointLines(panel, i)) tip.append(make("div", line));
  const [x, y] = panel.pixel(i), outer = tip.parentNode.getBoundingClientRect();
  const box = panel.canvas.getBoundingClientRect();
  const left = box.left - outer.left + x + 12, top = box.top - outer.top + y + 12;
  tip.style.left = `${Math.max(0, Math.min(left, outer.width - tip.offsetWidth))}px`;
  tip.style.top = `${top + tip.offsetHeight > outer.height ? top - tip.offsetHeight - 24 : top}px`;
}

function pointLines(panel, i) {
  const at = panel.at, sides = AXES === 1 ? [0] : [0, 1];
  const where = sides.map((side) => `${axisName(at, side)} = ${at === 0 ? sayValue(0, i, state.axes[side]) : say(coordinate(at, i, side))}`).join(", ");
  const [row, ...rest] = told(i);
  return [row, where, ...rest];
}
