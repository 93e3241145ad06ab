// The slider and the play button: to the latents, a rest, and back to the data.
const player = { running: false, way: 1, last: 0 };
const REST = 900; // milliseconds at either end

function goTo(at) {
  const place = Math.max(0, Math.min(FRAMES - 1, at));
  $("place").value = place;
  const name = given.names[Math.round(place)];
  $("place-name").textContent = $("way-name").textContent = name;
  $("place").setAttribute("aria-valuetext", `${name}, ${Math.round(place)} of ${FRAMES - 1}`);
  state.change({ at: place });
}

function play(running) {
  player.running = running;
  player.last = 0;
  $("play").textContent = running ? "Pause" : "Play";
  $("play").setAttribute("aria-label", running ? "Pause" : "Play: from data to latent space and back");
  if (!running) return;
  player.way = state.at >= FRAMES - 1 ? -1 : player.way;
  if (state.at <= 0) player.way = 1;
  if (still.matches) setTimeout(jump, REST);
  else requestAnimationFrame(step);
}

// With motion: a frame takes 0.7 seconds, eased at the couplings' ends by the straight ways themselves.
function step(now) {
  if (!player.running) return;
  const passed = player.last ? Math.min(60, now - player.last) : 0;
  player.last = now;
  goTo(state.at + (player.way * passed) / 700);
  if (atEnd()) rest(() => requestAnimationFrame(step));
  else requestAnimationFrame(step);
}

// Where motion is not wanted: frame by frame.
function jump() {
  if (!player.running) return;
  goTo(Math.round(state.at) + player.way);
  if (atEnd()) rest(() => setTimeout(jump, REST));
  else setTimeout(jump, REST);
}

function atEnd() { return player.way > 0 ? state.at >= FRAMES - 1 : state.at <= 0; }

function rest(then) {
  if (player.way < 0) {
    play(false); // once there and back
    return;
  }
  player.way = -1;
  player.last = 0;
  setTimeout(then, REST);
}

function listenToSlider() {
  $("place").max = FRAMES - 1;
  $("place").addEventListener("input", () => {
    if (player.running) play(false);
    goTo(Number($("place").value));
  });
  $("place").addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    play(false);
    goTo(way > 0 ? Math.floor(state.at + 1e-6) + 1 : Math.ceil(state.at - 1e-6) - 1);
  });
  $("play").addEventListener("click", () => play(!player.running));
}
