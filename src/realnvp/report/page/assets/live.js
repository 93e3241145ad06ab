// On a page that is served: ask now and then for a newer one, and come back to the same place on it.
(() => {
"use strict";
const KEPT = "realnvp-live", EVERY = 2000;
const told = document.getElementById("live");
const fields = () => [...document.querySelectorAll("main input[id], main select[id]")];
const folds = () => [...document.querySelectorAll("main details")];

function keep() {
  const report = window.report || {}, chosen = report.state && report.state.selected;
  const values = Object.fromEntries(fields().map((f) => [f.id, f.type === "checkbox" ? f.checked : f.value]));
  sessionStorage.setItem(KEPT, JSON.stringify({ top: scrollY, values, open: folds().map((d) => d.open), chosen: chosen && [...chosen] }));
}

function comeBack() {
  const text = sessionStorage.getItem(KEPT), report = window.report || {};
  sessionStorage.removeItem(KEPT);
  if (!text) return;
  const { top, values, open, chosen } = JSON.parse(text);
  for (const field of fields().filter((f) => f.id in values)) {
    if (field.type === "checkbox") field.checked = values[field.id];
    else field.value = values[field.id];
    for (const name of ["input", "change"]) field.dispatchEvent(new Event(name));
  }
  folds().forEach((fold, i) => { fold.open = Boolean(open[i]); });
  if (chosen && report.state) report.state.select((i) => chosen[i]);
  scrollTo({ top, behavior: "instant" });
}

// Nothing is taken from under the hand.
function busy() {
  return Boolean((window.report && window.report.player.running) || document.querySelector("main :active") || String(getSelection()));
}

async function ask() {
  try {
    const { stamp, told: words } = await (await fetch("state", { cache: "no-store" })).json();
    const newer = stamp !== told.dataset.stamp;
    if (!newer && told.textContent !== words) told.textContent = words;
    if (newer && !busy()) {
      keep();
      location.reload();
      return;
    }
  } catch {
    told.textContent = "Nobody answers any more: this is what was last shown.";
  }
  setTimeout(ask, EVERY);
}

comeBack();
setTimeout(ask, EVERY);
})();
