// The theme is chosen before anything is drawn: what was picked last, else what the system prefers.
(function () {
  let picked = null;
  try { picked = localStorage.getItem("realnvp-theme"); } catch { /* a page opened from disk may have no storage */ }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = picked || (dark ? "dark" : "light");
})();
