// What every canvas shares: sharp pixels, boxes of numbers on it, ticks.
const MARGIN = { left: 40, right: 10, top: 10, bottom: 34 };

// A line over what may be as dark as itself: with a rim of the paper's colour.
function drawRimmed(context, scale, lines) {
  const { strokeStyle, lineWidth } = context, dash = context.getLineDash();
  context.setLineDash([]);
  Object.assign(context, { strokeStyle: theme.colour("paper"), lineWidth: lineWidth + 1.8, globalAlpha: 0.75 });
  for (const level of lines) for (const line of level) drawLine(context, scale, line);
  context.setLineDash(dash);
  Object.assign(context, { strokeStyle, lineWidth, globalAlpha: 1 });
  for (const level of lines) for (const line of level) drawLine(context, scale, line);
}

// Fit a canvas to its place on the page and return its context, in units of CSS pixels.
function fitted(canvas, height) {
  const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, high = height || canvas.clientHeight;
  if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(high * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, wide, high);
  context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  return { context, wide, high };
}

// Numbers to pixels: box is [[x low, x high], [y low, y high]].
function scaleOf(box, wide, high, margin = MARGIN) {
  const [[left, right], [bottom, top]] = box;
  const w = wide - margin.left - margin.right, h = high - margin.top - margin.bottom;
  return {
    x: (v) => margin.left + ((v - left) / (right - left)) * w,
    y: (v) => margin.top + (1 - (v - bottom) / (top - bottom)) * h,
    place: { x: margin.left, y: margin.top, w, h },
  };
}

// A page that is not shown has no room: nothing is drawn until it has.
function isHidden({ place }) { return place.w <= 0 || place.h <= 0; }

function ticks(low, high, many = 4) {
  const raw = (high - low) / many, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw) || raw;
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) found.push(Math.abs(v) < step / 1e6 ? 0 : v);
  return found;
}

// Where an axis is marked and with what: numbers, or the words that 0, 1, … stand for.
function marks([low, high], words, most = 8) {
  if (!words) return ticks(low, high).map((v) => [v, say(+v.toPrecision(6))]);
  const every = Math.ceil(words.length / most);
  return words.map((word, v) => [v, word.length > 9 ? `${word.slice(0, 8)}…` : word]).filter(([v]) => v % every === 0 && v >= low && v <= high);
}

function drawAxes(context, box, scale, names = ["", ""], words = [null, null]) {
  const { x, y, w, h } = scale.place;
  context.strokeStyle = theme.colour("line");
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  context.fillStyle = theme.colour("soft");
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const [v, text] of marks(box[0], words[0])) context.fillText(text, scale.x(v), y + h + 5);
  context.fillText(shorten(names[0]), x + w / 2, y + h + 20);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [v, text] of marks(box[1], words[1])) context.fillText(text, x - 5, scale.y(v));
  context.save();
  context.translate(9, y + h / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(shorten(names[1]), 0, 0);
  context.restore();
}

function shorten(name) { return name.length > 26 ? `${name.slice(0, 25)}…` : name; }

// Widen the narrower side, so that both axes have one unit; sides more than fivefold apart keep their own.
function equalised(box) {
  const [a, b] = box.map(([low, high]) => high - low);
  if (Math.max(a, b) > 5 * Math.min(a, b)) return box;
  const most = Math.max(a, b);
  return box.map(([low, high]) => [(low + high - most) / 2, (low + high + most) / 2]);
}

function drawLine(context, scale, numbers) {
  context.beginPath();
  for (let i = 0; i < numbers.length; i += 2) context.lineTo(scale.x(numbers[i]), scale.y(numbers[i + 1]));
  context.stroke();
}
