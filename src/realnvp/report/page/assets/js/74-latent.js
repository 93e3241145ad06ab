// Whether latent coordinates have the law of the base: their uniforms, flat where right, and their histograms.
function steps(edges, heights) {
  return [edges, [...heights, heights[heights.length - 1]]];
}

function band(low, high) {
  return (plot) => {
    const top = plot.valToPos(high, "y", true), bottom = plot.valToPos(low, "y", true), { left, width } = plot.bbox;
    plot.ctx.fillStyle = theme.colour("faint");
    plot.ctx.fillRect(left, top, width, bottom - top);
  };
}

function startLatent() {
  const found = data.latent, stepped = uPlot.paths.stepped({ align: 1 });
  const colours = (i) => ({ stroke: () => classColour(i, found.names.length), paths: stepped });
  const pit = new Chart("chart-pit", () => ({
    columns: [found.edges, ...found.heights.map((h) => steps(found.edges, h)[1])],
    series: [{ label: "u", value: (_, v) => (v === null || v === undefined ? "" : say(v)) }, ...found.names.map((name, i) => line(name, "data", colours(i)))],
    scales: { x: { time: false, range: [0, 1] }, y: { range: (_, min, max) => [0, Math.max(max, found.band[1]) * 1.15] } },
    axes: [axis("u, the place of a row under the model"), axis("density")],
    hooks: { drawClear: [band(...found.band)] },
  }));
  const bell = new Chart("chart-bell", () => ({
    columns: [found.at, ...found.shown, found.normal],
    series: [{ label: "z", value: (_, v) => (v === null || v === undefined ? "" : say(v)) }, ...found.names.map((name, i) => line(name, "data", { stroke: () => classColour(i, found.names.length) })), line("standard normal", "ink", { dash: [5, 4], width: 1.3 })],
    scales: { x: { time: false }, y: { range: (_, min, max) => [0, max * 1.1] } },
    axes: [axis("latent coordinate"), axis("density")],
  }));
  return [pit, bell];
}
