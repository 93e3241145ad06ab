// Line charts by uPlot: the theme's colours, the width of their place, drag to zoom, the same numbers as a table.
const SERIES = ["data", "model", "good", "soft", "fair", "poor"];

function axis(label) {
  return {
    label, labelSize: 24, labelFont: "13px system-ui", font: "12px system-ui", size: label && label.startsWith("↑") ? 60 : 46,
    stroke: () => theme.colour("soft"),
    grid: { stroke: () => theme.colour("faint"), width: 1 },
    ticks: { stroke: () => theme.colour("line"), width: 1 },
    values: (_, splits) => splits.map((v) => (v === null ? "" : say(+v.toPrecision(6)))),
  };
}

// draw() returns what uPlot takes: { series, columns, scales, axes, hooks, ... }
class Chart {
  constructor(id, draw) {
    this.place = $(id);
    this.draw = draw;
    this.plot = null;
    theme.listeners.push(() => this.show());
    new ResizeObserver(() => this.plot && this.plot.setSize({ width: this.place.clientWidth, height: this.height }))
      .observe(this.place);
    this.show();
    this.table();
  }

  show() {
    const { columns, ...options } = this.draw();
    this.height = options.height || 280;
    if (this.plot) this.plot.destroy();
    this.plot = new uPlot({ width: this.place.clientWidth, legend: { live: true }, cursor: { points: { size: 6 } }, ...options, height: this.height }, columns, this.place);
    this.columns = columns;
    this.names = options.series.map((s, i) => s.label || (i ? `series ${i}` : "x"));
  }

  table() {
    const details = make("details"), box = make("div", undefined, { class: "scroll", tabindex: "0", role: "region", "aria-label": `Numbers: ${this.place.parentNode.querySelector("figcaption").textContent}` });
    details.append(make("summary", "Numbers"), box);
    details.addEventListener("toggle", () => {
      const table = make("table"), head = make("tr"), body = make("tbody"), rows = this.columns[0].length;
      this.names.forEach((name) => head.append(make("th", name, { scope: "col" })));
      const every = Math.max(1, Math.ceil(rows / 100));
      for (let i = 0; i < rows; i += every) {
        const line = make("tr");
        for (const column of this.columns) line.append(make("td", column[i] === null || column[i] === undefined ? "" : say(column[i])));
        body.append(line);
      }
      table.append(make("thead"), body);
      table.tHead.append(head);
      box.replaceChildren(table);
    });
    this.place.after(details);
  }
}

function line(label, colour, more = {}) {
  return { label, stroke: () => theme.colour(colour), width: 1.8, points: { show: false }, value: (_, v) => (v === null || v === undefined ? "" : say(v)), ...more };
}
