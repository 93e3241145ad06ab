// Colours of classes (Okabe and Ito: told apart in colour blindness) and of scales (viridis).
const CLASSES = {
  light: ["#0072b2", "#d98200", "#009e73", "#c0619a", "#3fa0d8", "#d55e00", "#7a7a7a", "#a39300", "#6a4fc0", "#8c4a2f"],
  dark: ["#5cb8ee", "#f3b040", "#35cf9f", "#e59cc8", "#9ad4f7", "#ff8a4a", "#b5b5b5", "#d9cb3f", "#b5a1ff", "#d09a78"],
};
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];

// t in [0, 1]; in the dark the darkest fifth is left out, on white the lightest tenth.
function viridis(t) {
  const [low, high] = theme.name === "dark" ? [0.2, 1] : [0, 0.92];
  const at = (low + (high - low) * Math.min(1, Math.max(0, t))) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const mixed = VIRIDIS[i].map((c, k) => Math.round(c + (at - i) * (VIRIDIS[i + 1][k] - c)));
  return `rgb(${mixed})`;
}

function classColour(code, many) {
  const palette = CLASSES[theme.name];
  return many <= palette.length ? palette[code % palette.length] : viridis(code / (many - 1));
}

// A strip of the scale's colours.
function ramp() {
  const strip = make("span", undefined, { class: "ramp", role: "img", "aria-label": "colours from low to high" });
  strip.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(viridis).join(", ")})`;
  return strip;
}

// A colour for each point, and the range of a scale: between the 2nd and the 98th of 100 parts of the values.
function colouring(colour) {
  if (colour.classes) return { of: colour.values.map((code) => classColour(code, colour.classes.length)), range: null };
  const sorted = colour.values.filter((v) => v !== null).sort((a, b) => a - b);
  const low = sorted[Math.floor(0.02 * (sorted.length - 1))], high = sorted[Math.ceil(0.98 * (sorted.length - 1))];
  const wide = high - low || 1;
  return { of: colour.values.map((v) => viridis(v === null ? 0 : (v - low) / wide)), range: [low, high] };
}
