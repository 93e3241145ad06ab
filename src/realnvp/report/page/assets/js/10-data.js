// The numbers of the run: JSON in the page, long arrays as base64 of float32 or of bytes.
const data = JSON.parse(document.getElementById("data").textContent);

function unpack(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  return packed.type === "u1" ? bytes : new Float32Array(bytes.buffer);
}

function $(id) { return document.getElementById(id); }

function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// A number in at most five digits, with a true minus sign.
function say(value) {
  if (value === null || !Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(+value.toPrecision(5));
  return text.replace("-", "−");
}
