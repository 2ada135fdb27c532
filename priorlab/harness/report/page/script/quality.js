// PSNR, SSIM and CIEDE2000 of a part of two pictures of 8 bits, on all their channels.

/** PSNR in dB of a part {left, top, right, bottom}; 100 for equal pixels. */
function psnrOf(one, other, part) {
  let sum = 0;
  for (let y = part.top; y < part.bottom; y++) {
    for (let x = part.left; x < part.right; x++) {
      const at = 4 * (y * one.width + x);
      for (let c = 0; c < 3; c++) sum += (one.pixels[at + c] - other.pixels[at + c]) ** 2;
    }
  }
  const mean = sum / (3 * (part.right - part.left) * (part.bottom - part.top));
  return mean ? Math.min(100, 10 * Math.log10(255 ** 2 / mean)) : 100;
}

// SSIM as Z. Wang et al. have it (2004): Gaussian windows of 11 pixels that lie within the part.
const WINDOW = (() => {
  const weights = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
})();

/** Weighted means over windows of a plane of width x height values. */
function blurred(plane, width, height) {
  const across = width - 10;
  const rows = new Float64Array(across * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < across; x++) {
      let sum = 0;
      for (let k = 0; k < 11; k++) sum += WINDOW[k] * plane[y * width + x + k];
      rows[y * across + x] = sum;
    }
  }
  const found = new Float64Array(across * (height - 10));
  for (let i = 0; i < found.length; i++) {
    let sum = 0;
    for (let k = 0; k < 11; k++) sum += WINDOW[k] * rows[i + k * across];
    found[i] = sum;
  }
  return found;
}

function ssimOfChannel(one, other, part, channel) {
  const width = part.right - part.left;
  const height = part.bottom - part.top;
  const [x, y, xx, yy, xy] = Array.from({ length: 5 }, () => new Float64Array(width * height));
  for (let i = 0; i < width * height; i++) {
    const row = part.top + Math.floor(i / width);
    const at = 4 * (row * one.width + part.left + (i % width)) + channel;
    const a = one.pixels[at] / 255;
    const b = other.pixels[at] / 255;
    x[i] = a;
    y[i] = b;
    xx[i] = a * a;
    yy[i] = b * b;
    xy[i] = a * b;
  }
  const [mx, my, mxx, myy, mxy] = [x, y, xx, yy, xy].map((plane) => blurred(plane, width, height));
  let sum = 0;
  for (let i = 0; i < mx.length; i++) {
    const product = mx[i] * my[i];
    const squares = mx[i] ** 2 + my[i] ** 2;
    sum +=
      ((2 * product + 0.0001) * (2 * (mxy[i] - product) + 0.0009)) /
      ((squares + 0.0001) * (mxx[i] + myy[i] - squares + 0.0009));
  }
  return sum / mx.length;
}

const MOST_PIXELS = 2 ** 20; // of larger parts only the PSNR is computed: the page has to stay alive

/** Mean SSIM over the channels of a part; null if it is smaller than a window, or very large. */
function ssimOf(one, other, part) {
  const width = part.right - part.left;
  const height = part.bottom - part.top;
  if (Math.min(width, height) < 11 || width * height > MOST_PIXELS) return null;
  const channels = one.gray && other.gray ? [0] : [0, 1, 2];
  const values = channels.map((channel) => ssimOfChannel(one, other, part, channel));
  return values.reduce((a, b) => a + b) / values.length;
}

/** Mean CIEDE2000 of a part; null if it is very large. */
function colourOfPart(one, other, part) {
  const count = (part.right - part.left) * (part.bottom - part.top);
  if (count > MOST_PIXELS) return null;
  const [first, second] = [labOf(one), labOf(other)];
  let sum = 0;
  for (let y = part.top; y < part.bottom; y++) {
    for (let x = part.left; x < part.right; x++) {
      const at = 3 * (y * one.width + x);
      sum += ciede2000(first, at, second, at);
    }
  }
  return sum / count;
}

/** The figures of a part, as a line of text. */
function figuresOf(picture, clean, part) {
  const ssim = ssimOf(picture, clean, part);
  const colour = colourOfPart(picture, clean, part);
  return [
    `PSNR ${decibels(psnrOf(picture, clean, part))}`,
    ...(ssim === null ? [] : [`SSIM ${ssim.toFixed(3)}`]),
    ...(colour === null ? [] : [`\u0394E\u2080\u2080 ${colour.toFixed(2)}`]),
  ].join(", ");
}
