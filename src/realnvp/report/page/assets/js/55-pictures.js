// Pictures in place of points: one atlas of thumbnails for each frame, drawn when it is first needed.
const thumbs = given && given.pictures ? unpack(given.pictures) : null;
const [, , HIGH, WIDE, CHANNELS] = thumbs ? given.pictures.shape : [0, 0, 0, 0, 0];
const atlases = new Map();
const SIDE = 26;

function atlas(frame) {
  if (!atlases.has(frame)) {
    const canvas = make("canvas");
    canvas.width = WIDE * POINTS;
    canvas.height = HIGH;
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, HIGH);
    const size = HIGH * WIDE * CHANNELS;
    for (let i = 0; i < POINTS; i++) {
      for (let p = 0; p < HIGH * WIDE; p++) {
        const from = (frame * POINTS + i) * size + p * CHANNELS;
        const to = 4 * (Math.floor(p / WIDE) * canvas.width + i * WIDE + (p % WIDE));
        for (let c = 0; c < 3; c++) image.data[to + c] = thumbs[from + (CHANNELS === 3 ? c : 0)];
        image.data[to + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    atlases.set(frame, canvas);
  }
  return atlases.get(frame);
}

function drawPicture(context, at, point, x, y, side) {
  const low = Math.min(FRAMES - 1, Math.floor(at)), part = at - low, alpha = context.globalAlpha;
  const source = [point * WIDE, 0, WIDE, HIGH, x - side / 2, y - side / 2, side, side];
  context.imageSmoothingEnabled = WIDE > 2 * side;
  context.drawImage(atlas(low), ...source);
  if (part > 0) {
    context.globalAlpha = alpha * part;
    context.drawImage(atlas(low + 1), ...source);
    context.globalAlpha = alpha;
  }
}
