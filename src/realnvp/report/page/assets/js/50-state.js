// What the explorer shows now; whoever changes it tells all who listen.
const given = data.explorer;
const frames = given && unpack(given.frames);
const [FRAMES, POINTS, AXES] = given ? given.frames.shape : [0, 0, 0];

const state = {
  at: 0, // place in the flow: 0 is the data, FRAMES - 1 the latents, between them between two frames
  axes: [0, Math.min(1, AXES - 1)],
  colour: 0,
  grid: true,
  selected: null, // one byte for each point, or null for none
  hovered: -1,
  listeners: [],
  change(what) {
    Object.assign(this, what);
    for (const tell of this.listeners) tell(what);
  },
  select(test) {
    const chosen = Uint8Array.from({ length: POINTS }, (_, i) => (test(i) ? 1 : 0));
    this.change({ selected: chosen.includes(1) ? chosen : null });
  },
};

const still = matchMedia("(prefers-reduced-motion: reduce)");

function value(frame, point, axis) { return frames[(frame * POINTS + point) * AXES + axis]; }

// Between two frames points go straight.
function between(at, read) {
  const low = Math.min(FRAMES - 1, Math.floor(at)), part = at - low;
  return part === 0 ? read(low) : (1 - part) * read(low) + part * read(low + 1);
}

// A single column is spread over the height by chance, for the sight only.
const spread = Float32Array.from({ length: POINTS }, (_, i) => (((i * 2654435761) % 1000003) / 1000003 - 0.5) * 1.6);

function coordinate(at, point, side) {
  if (AXES === 1 && side === 1) return spread[point];
  return between(at, (frame) => value(frame, point, state.axes[side]));
}

const squares = new Map();
function boxOf(frame) {
  const key = `${frame}/${state.axes}`;
  if (!squares.has(key)) {
    const [low, high] = given.extents[frame], [a, b] = state.axes;
    squares.set(key, AXES === 1 ? [[low[a], high[a]], [-1, 1]] : shaped(frame, [[low[a], high[a]], [low[b], high[b]]]));
  }
  return squares.get(key);
}

// One unit for both sides, but where one of them has words and no unit.
function shaped(frame, box) {
  const worded = frame === 0 && given.levels && state.axes.some((axis) => given.levels[axis]);
  return worded ? box : equalised(box);
}

function boxAt(at) {
  return [0, 1].map((side) => [0, 1].map((end) => between(at, (frame) => boxOf(frame)[side][end])));
}

function axisName(at, side) {
  if (AXES === 1 && side === 1) return "(spread by chance)";
  const axis = state.axes[side];
  if (at === 0) return given.columns[axis];
  return at === FRAMES - 1 || thumbs ? given.latents[axis] : `coordinate ${given.latents[axis].slice(1)}`;
}

// The words of an axis of the data whose numbers 0, 1, … stand for something.
function axisWords(at, side) {
  return at === 0 && given.levels && !(AXES === 1 && side === 1) ? given.levels[state.axes[side]] : null;
}

const exact = given && given.exact ? unpack(given.exact) : null;

// A coordinate in words; of the data the value itself, without the spread it is drawn with.
function sayValue(at, i, axis) {
  if (at !== 0 || !exact) return say(value(at, i, axis));
  const v = exact[i * AXES + axis], words = given.levels[axis];
  return words ? words[v] : say(v);
}

function likelihood(i) { return given.log_prob[i] === null ? -Infinity : given.log_prob[i]; }

function told(i) {
  const sign = given.score ? given.score.sign : 1, name = given.score ? given.score.name : "log density";
  const score = given.log_prob[i];
  const lines = [`${given.rows[i]}`, `${name} ${say(score === null ? null : sign * score)}${given.score ? "" : " nats"}`];
  for (const colour of given.colours) {
    if (colour.name === name || colour.name === "log density") continue;
    const v = colour.values[i];
    lines.push(`${colour.name}: ${colour.classes ? colour.classes[v] : `${say(v)} ${colour.unit}`}`);
  }
  return lines;
}
