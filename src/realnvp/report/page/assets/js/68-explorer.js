// The explorer: three panels, what they are coloured by, which axes, which points.
let panels = {};

function startExplorer() {
  panels = {
    data: new Panel("panel-data", () => 0),
    way: new Panel("panel-way", () => state.at),
    latent: new Panel("panel-latent", () => FRAMES - 1),
  };
  for (const panel of Object.values(panels)) {
    listenToPointer(panel);
    listenToKeys(panel);
  }
  fillChoices();
  listenToSlider();
  state.listeners.push((what) => {
    const onlyWay = Object.keys(what).every((key) => key === "at");
    if (onlyWay) panels.way.draw();
    else drawPanels();
    if ("selected" in what) tellSelection();
  });
  theme.listeners.push(() => { drawLegend(); drawPanels(); });
  new ResizeObserver(drawPanels).observe(panels.way.canvas);
  drawLegend();
  goTo(0);
  drawPanels();
}

function drawPanels() { for (const panel of Object.values(panels)) panel.draw(); }

function fillChoices() {
  given.colours.forEach((colour, i) => $("colour").append(make("option", colour.name, { value: i })));
  $("colour").addEventListener("change", () => { state.change({ colour: Number($("colour").value) }); drawLegend(); });
  for (const label of document.querySelectorAll(".axes")) label.hidden = AXES < 3;
  ["across", "up"].forEach((id, side) => {
    given.columns.forEach((name, i) => $(id).append(make("option", name, { value: i })));
    $(id).value = state.axes[side];
    $(id).addEventListener("change", () => {
      const axes = [...state.axes], wanted = Number($(id).value);
      if (axes[1 - side] === wanted) axes[1 - side] = axes[side]; // both would be the same: they change places
      axes[side] = wanted;
      $("across").value = axes[0];
      $("up").value = axes[1];
      state.change({ axes });
    });
  });
  document.querySelector(".with-grid").hidden = !grid;
  $("grid").addEventListener("change", () => state.change({ grid: $("grid").checked }));
  $("clear").addEventListener("click", () => state.change({ selected: null }));
  $("least").addEventListener("click", () => selectTail(1));
  $("most").addEventListener("click", () => selectTail(-1));
  $("rows").addEventListener("toggle", fillRows);
}

function selectTail(sign) {
  const order = [...Array(POINTS).keys()].sort((a, b) => sign * (likelihood(a) - likelihood(b)) || a - b);
  const tail = new Set(order.slice(0, Math.max(1, Math.round(POINTS / 20))));
  state.select((i) => tail.has(i));
}

function drawLegend() {
  const colour = given.colours[state.colour], legend = $("legend");
  shownColours();
  legend.replaceChildren();
  if (colour.classes) {
    legend.append(make("span", `${colour.name}:`));
    colour.classes.forEach((name, code) => {
      const button = make("button", undefined, { type: "button", title: `Select ${name}` });
      const dot = make("i", undefined, { "aria-hidden": "true" });
      dot.style.background = classColour(code, colour.classes.length);
      button.append(dot, name);
      button.addEventListener("click", () => state.select((i) => colour.values[i] === code));
      legend.append(button);
    });
    return;
  }
  const [low, high] = painted.range;
  legend.append(make("span", `${colour.name}: ${say(low)}`), ramp(), make("span", `${say(high)} ${colour.unit}`));
}

function chosenRows() {
  const all = [...Array(POINTS).keys()];
  return state.selected ? all.filter((i) => state.selected[i]) : all;
}

function tellSelection() {
  const rows = chosenRows(), known = rows.map((i) => given.log_prob[i]).filter((v) => v !== null);
  const sign = given.score ? given.score.sign : 1, unit = given.score ? "bits/dim" : "nats, the mean log density";
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const parts = given.colours.filter((colour) => colour.classes && colour.classes.length <= 10).map((colour) =>
    colour.classes.map((name, code) => [rows.filter((i) => colour.values[i] === code).length, name])
      .filter(([many]) => many).map(([many, name]) => `${many} ${name}`).join(", "));
  $("selection").textContent = state.selected
    ? `${rows.length} of ${POINTS} selected: ${say(sign * mean)} ${unit}${parts.length ? `; ${parts.join("; ")}` : ""}.`
    : "No points selected.";
  fillRows();
}

function fillRows() {
  if (!$("rows").open) return;
  const table = make("table"), head = make("tr"), place = $("rows").querySelector(".scroll");
  const names = ["row", ...given.columns, ...given.latents.map((name) => `latent ${name}`), given.score ? given.score.name : "log density"];
  names.forEach((name) => head.append(make("th", name, { scope: "col" })));
  table.append(make("caption", `${state.selected ? "Selected points" : "Points"}, the first 100`), make("thead"));
  table.tHead.append(head);
  const body = make("tbody");
  for (const i of chosenRows().slice(0, 100)) {
    const line = make("tr"), ends = [0, FRAMES - 1].flatMap((f) => given.columns.map((_, axis) => sayValue(f, i, axis)));
    const score = given.log_prob[i];
    line.append(make("th", given.rows[i], { scope: "row" }));
    for (const text of [...ends, say(score === null ? null : (given.score ? given.score.sign : 1) * score)]) line.append(make("td", text));
    body.append(line);
  }
  table.append(body);
  place.replaceChildren(table);
}
