// Light or dark: a switch, the system's wish until it is used, and a word to all that is drawn on canvas.
const theme = {
  listeners: [],
  get name() { return document.documentElement.dataset.theme; },
  colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(); },
  set(name) {
    document.documentElement.dataset.theme = name;
    const other = name === "dark" ? "light" : "dark";
    $("theme").textContent = other === "dark" ? "Dark" : "Light";
    $("theme").setAttribute("aria-label", `Switch to ${other} colours`);
    for (const tell of this.listeners) tell();
  },
};

$("theme").addEventListener("click", () => {
  const name = theme.name === "dark" ? "light" : "dark";
  try { localStorage.setItem("realnvp-theme", name); } catch { /* no storage, no memory */ }
  theme.set(name);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
  let picked = null;
  try { picked = localStorage.getItem("realnvp-theme"); } catch { /* none */ }
  if (!picked) theme.set(event.matches ? "dark" : "light");
});
theme.set(theme.name);
