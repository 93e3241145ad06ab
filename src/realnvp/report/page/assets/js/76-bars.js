// Histograms: of the log weights of an energy's draws, of the bits of pictures.
function startBars(id, found, unit) {
  const middles = found.counts.map((_, i) => (found.edges[i] + found.edges[i + 1]) / 2);
  return new Chart(id, () => ({
    columns: [middles, found.counts],
    series: [{ label: found.short || "value", value: (_, v) => (v === null || v === undefined ? "" : say(v)) },
      line(unit, "data", { fill: () => theme.colour("data"), paths: uPlot.paths.bars({ size: [0.92, Infinity] }), width: 0 })],
    scales: { x: { time: false }, y: { range: (_, min, max) => [0, max * 1.08] } },
    axes: [axis(found.what), axis(unit)],
  }));
}

// Curves that need no more than to be drawn: a density of one column, the ESS of a training.
function startCurves(id, found) {
  return new Chart(id, () => ({
    height: 320,
    columns: [found.x, ...found.series.map((s) => s.values)],
    series: [{ label: "x", value: (_, v) => (v === null || v === undefined ? "" : say(v)) }, ...found.series.map((s, i) => line(s.label, ["data", "model", "ink"][i],
      { dash: s.dash ? [5, 4] : undefined, fill: s.fill ? () => theme.colour("faint") : undefined, width: s.fill ? 1 : 1.8 }))],
    scales: { x: { time: false }, y: { range: (_, min, max) => [0, max * 1.08] } },
    axes: [axis(found.name || "x"), axis(found.unit)],
  }));
}
