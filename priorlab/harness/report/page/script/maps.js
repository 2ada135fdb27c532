// Maps of errors: how far each pixel is from the clean one, in levels of 8 bits or as CIEDE2000.

// From black over violet and orange to light yellow; lightness rises all the way.
const STOPS = [
  [0, 0, 4],
  [40, 11, 84],
  [101, 21, 110],
  [159, 42, 99],
  [212, 72, 66],
  [245, 125, 21],
  [250, 193, 39],
  [252, 255, 164],
];

const PALETTE = Array.from({ length: 256 }, (_, i) => {
  const place = (i / 255) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(place));
  const share = place - index;
  return STOPS[index].map((v, c) => Math.round(v + share * (STOPS[index + 1][c] - v)));
});

const RANGES = { error: [8, 16, 32, 64, 128], colour: [2, 5, 10, 20, 40] };
const USUAL = { error: 32, colour: 10 };
const maps = new Map();
const MAPS = 48;

function differences(picture, clean, kind) {
  const count = picture.width * picture.height;
  const found = new Float32Array(count);
  if (kind === "colour") {
    const [one, other] = [labOf(picture), labOf(clean)];
    for (let i = 0; i < count; i++) found[i] = ciede2000(one, 3 * i, other, 3 * i);
    return found;
  }
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let c = 0; c < 3; c++)
      sum += Math.abs(picture.pixels[4 * i + c] - clean.pixels[4 * i + c]);
    found[i] = sum / 3;
  }
  return found;
}

/** A canvas with the map of a picture; the brightest colour stands for `range` and more. */
function mapOf(picture, clean, kind, range) {
  const key = `${picture.name} ${clean.name} ${kind} ${range}`;
  if (maps.has(key)) return maps.get(key);
  const canvas = make("canvas", { width: picture.width, height: picture.height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(picture.width, picture.height);
  differences(picture, clean, kind).forEach((value, i) => {
    const colour = PALETTE[Math.min(255, Math.round((255 * value) / range))];
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  maps.set(key, canvas);
  if (maps.size > MAPS) maps.delete(maps.keys().next().value);
  return canvas;
}

function drawLegend(canvas) {
  const pen = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    pen.fillStyle = `rgb(${PALETTE[Math.floor((255 * x) / (canvas.width - 1))]})`;
    pen.fillRect(x, 0, 1, canvas.height);
  }
}
