// What the page holds is started; what it does not hold has no place on it.
const report = { data, state, theme, charts: {}, goTo, play, player, value, words: axisWords, get panels() { return panels; } };
const starts = {
  explorer: () => startExplorer(),
  density: () => { report.maps = startDensity(); },
  density_1d: () => { report.charts.line = startCurves("chart-line", data.density_1d); },
  ess: () => { report.charts.ess = startCurves("chart-ess", { ...data.ess, name: "step" }); },
  corner: () => { report.corner = startCorner(); },
  latent: () => { [report.charts.pit, report.charts.bell] = startLatent(); },
  weights: () => { report.charts.weights = startBars("chart-weights", data.weights, "draws"); },
  bits: () => { report.charts.bits = startBars("chart-bits", data.bits, "pictures"); },
  training: () => { report.charts.training = startTraining(); },
};
for (const [part, start] of Object.entries(starts)) {
  try {
    if (data[part]) start();
  } catch (error) {
    console.error(`${part}:`, error); // the other parts can be read all the same
  }
}
for (const label of document.querySelectorAll(".by-touch")) {
  label.hidden = !matchMedia("(any-pointer: coarse)").matches;
  label.querySelector("input").addEventListener("change", (event) => document.documentElement.classList.toggle("brushing", event.target.checked));
}

const copy = $("copy");
if (copy) {
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($("command").textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren($("command")); // no clipboard for a page from disk: select it at least
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
}
window.report = report; // for those who want the numbers in the browser's console
