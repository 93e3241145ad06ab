// The course of the training: linear or logarithmic, zoomed by a drag, whole again by a double click or the button.
function startTraining() {
  const course = data.training, series = course.series;
  const finite = series.flatMap((s) => s.values.filter((v) => v !== null)).sort((a, b) => a - b);
  const lowest = finite[0], at = (q) => finite[Math.floor(q * (finite.length - 1))];
  const logs = { x: false, y: false }, view = { whole: false, from: null, to: null };
  const above = (v) => (v === null || v <= lowest ? null : v - lowest);
  const reference = course.reference;

  const chart = new Chart("chart-training", () => {
    const log = logs.y, x = logs.x ? course.x.map((v) => (v > 0 ? v : null)) : course.x;
    const columns = [x, ...series.map((s) => (log ? s.values.map(above) : s.values))];
    const drawn = series.map((s, i) => line(s.label, SERIES[i], i === 0 ? { width: 1.2 } : {}));
    if (reference && !log) {
      columns.push(x.map(() => reference.value));
      drawn.push(line(reference.label, "soft", { dash: [5, 5], width: 1.2 }));
    }
    const low = Math.min(lowest, reference ? reference.value : lowest), high = at(0.8) + 0.6 * (at(0.8) - lowest) || lowest + 1;
    return {
      columns, height: 320,
      series: [{ label: "step", value: (_, v) => (v === null || v === undefined ? "" : say(v)) }, ...drawn],
      scales: { x: { time: false, distr: logs.x ? 3 : 1, range: (_, min, max) => [view.from === null || (logs.x && view.from <= 0) ? min : view.from, view.to === null ? max : view.to] }, y: { distr: log ? 3 : 1, range: log || view.whole ? undefined : (_, min, max) => [low - 0.06 * (high - low), min > low ? Math.min(max, high) : high] } },
      axes: [axis("step"), axis(log ? `${course.unit}, above the lowest` : course.unit)],
    };
  });

  for (const [id, side] of [["log-steps", "x"], ["log-figures", "y"]]) {
    $(id).addEventListener("change", () => { logs[side] = $(id).checked; chart.show(); });
  }
  // By number: for the keyboard, and where there is no mouse to drag with.
  for (const [id, end] of [["zoom-from", "from"], ["zoom-to", "to"]]) {
    $(id).max = Math.max(...course.x);
    $(id).addEventListener("change", () => {
      const asked = $(id).value === "" ? null : Number($(id).value);
      view[end] = asked;
      if (view.from !== null && view.to !== null && view.from >= view.to) view[end === "from" ? "to" : "from"] = null;
      $("zoom-from").value = view.from === null ? "" : view.from;
      $("zoom-to").value = view.to === null ? "" : view.to;
      chart.show();
    });
  }
  $("zoom-out").addEventListener("click", () => { // what lies far above most of the course is cut off at first
    view.whole = !view.whole;
    $("zoom-out").textContent = view.whole ? "Cut off the extremes" : "Whole course";
    chart.show();
  });
  return chart;
}
