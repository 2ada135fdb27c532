// Colour differences as eyes see them: sRGB to CIELAB, and CIEDE2000 between two colours
// (G. Sharma, W. Wu, E. N. Dalal: The CIEDE2000 Color-Difference Formula, 2005).

const LINEAR = Float64Array.from({ length: 256 }, (_, level) => {
  const value = level / 255;
  return value > 0.04045 ? ((value + 0.055) / 1.055) ** 2.4 : value / 12.92;
});

const curved = (value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);

/** CIELAB (illuminant D65) of a colour of 8 bits, into three places of an array. */
function toLab(red, green, blue, into, at) {
  const r = LINEAR[red];
  const g = LINEAR[green];
  const b = LINEAR[blue];
  const x = curved((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.95047);
  const y = curved(0.212671 * r + 0.71516 * g + 0.072169 * b);
  const z = curved((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);
  into[at] = 116 * y - 16;
  into[at + 1] = 500 * (x - y);
  into[at + 2] = 200 * (y - z);
}

const DEGREE = Math.PI / 180;
const TURN = 2 * Math.PI;
const FAR = 25 ** 7;

const hueOf = (a, b) => (a === 0 && b === 0 ? 0 : (Math.atan2(b, a) + TURN) % TURN);

/** CIEDE2000 of two CIELAB colours, at places in arrays. */
function ciede2000(one, at, other, place) {
  const [l1, a1, b1] = [one[at], one[at + 1], one[at + 2]];
  const [l2, a2, b2] = [other[place], other[place + 1], other[place + 2]];
  const mean7 = ((Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2) ** 7;
  const stretch = 1 + 0.5 * (1 - Math.sqrt(mean7 / (mean7 + FAR)));
  const c1 = Math.hypot(stretch * a1, b1);
  const c2 = Math.hypot(stretch * a2, b2);
  const h1 = hueOf(stretch * a1, b1);
  const h2 = hueOf(stretch * a2, b2);
  let turn = h2 - h1;
  let hue = h1 + h2;
  if (c1 * c2 === 0) {
    turn = 0;
  } else {
    const apart = Math.abs(turn) > Math.PI;
    if (apart) turn -= Math.sign(turn) * TURN;
    hue = (apart ? (hue < TURN ? hue + TURN : hue - TURN) : hue) / 2;
  }
  const light = l2 - l1;
  const chroma = c2 - c1;
  const tone = 2 * Math.sqrt(c1 * c2) * Math.sin(turn / 2);
  const middle = ((l1 + l2) / 2 - 50) ** 2;
  const c = (c1 + c2) / 2;
  const t =
    1 -
    0.17 * Math.cos(hue - 30 * DEGREE) +
    0.24 * Math.cos(2 * hue) +
    0.32 * Math.cos(3 * hue + 6 * DEGREE) -
    0.2 * Math.cos(4 * hue - 63 * DEGREE);
  const sl = light / (1 + (0.015 * middle) / Math.sqrt(20 + middle));
  const sc = chroma / (1 + 0.045 * c);
  const sh = tone / (1 + 0.015 * c * t);
  const angle = 60 * DEGREE * Math.exp(-(((hue / DEGREE - 275) / 25) ** 2));
  const c7 = c ** 7;
  const rotation = -2 * Math.sqrt(c7 / (c7 + FAR)) * Math.sin(angle);
  return Math.sqrt(Math.max(0, sl * sl + sc * sc + sh * sh + rotation * sc * sh));
}

/** CIELAB of each pixel of a picture, kept with it. */
function labOf(picture) {
  if (!picture.lab) {
    const { pixels } = picture;
    const lab = new Float32Array((pixels.length / 4) * 3);
    for (let i = 0, at = 0; i < pixels.length; i += 4, at += 3) {
      toLab(pixels[i], pixels[i + 1], pixels[i + 2], lab, at);
    }
    picture.lab = lab;
  }
  return picture.lab;
}
