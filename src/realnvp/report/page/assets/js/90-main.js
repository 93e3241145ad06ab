// What the page holds is started; what it does not hold has no place on it.
const report = { data, state, theme, charts: {}, goTo, play, player, value, words: axisWords, get panels() { return panels; } };
if (given) startExplorer();
if (data.density) report.maps = startDensity();
if (data.density_1d) report.charts.line = startCurves("chart-line", data.density_1d);
if (data.ess) report.charts.ess = startCurves("chart-ess", { ...data.ess, name: "step" });
if (data.corner) report.corner = startCorner();
if (data.latent) [report.charts.pit, report.charts.bell] = startLatent();
if (data.weights) report.charts.weights = startBars("chart-weights", data.weights, "draws");
if (data.bits) report.charts.bits = startBars("chart-bits", data.bits, "pictures");
if (data.training) report.charts.training = startTraining();

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
