// Charts as SVG: an area with axes, into which others draw.

const WIDE = 480;

/** Round values between two ends, about so many. */
function ticksOf(low, high, count) {
  const rough = (high - low) / count || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * unit >= rough) * unit;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-6; i++) found.push(i * step);
  return found;
}

/** The powers of ten between two ends, and 2 and 5 times these where they are few. */
function ticksOfPowers(low, high) {
  const found = [];
  const many = Math.log10(high / low) > 2.5;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of many ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  return found;
}

/** An axis from the values on it: where a value lies between `from` and `to`, and its ticks. */
function axisOf(values, from, to, powers = false) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (powers) [low, high] = [low / 1.5, high * 1.5];
  else {
    const room = 0.06 * (high - low) || 0.5;
    [low, high] = [low - room, high + room];
  }
  const on = powers ? Math.log : (value) => value;
  const place = (value) => from + ((on(value) - on(low)) / (on(high) - on(low))) * (to - from);
  return { place, ticks: powers ? ticksOfPowers(low, high) : ticksOf(low, high, 5) };
}

/** A chart with its title; `paint` draws into it. */
function chart(title, about, height, paint) {
  const area = draw("svg", {
    viewBox: `0 0 ${WIDE} ${height}`,
    role: "img",
    "aria-label": `${title}: ${about}`,
  });
  paint(area);
  return make("div", { class: "chart" }, make("h3", {}, title), area);
}

function drawAcross(area, axis, box, name) {
  for (const value of axis.ticks) {
    const x = axis.place(value);
    area.append(
      draw("line", { class: "grid", x1: x, x2: x, y1: box.top, y2: box.bottom }),
      draw("text", { class: "tick", x, y: box.bottom + 15, "text-anchor": "middle" }, short(value)),
    );
  }
  const middle = (box.left + box.right) / 2;
  area.append(
    draw("text", { class: "tick", x: middle, y: box.bottom + 32, "text-anchor": "middle" }, name),
  );
}

function drawUpwards(area, axis, box, name) {
  for (const value of axis.ticks) {
    const y = axis.place(value);
    area.append(
      draw("line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y }),
      draw(
        "text",
        { class: "tick", x: box.left - 6, y: y + 4, "text-anchor": "end" },
        short(value),
      ),
    );
  }
  area.append(draw("text", { class: "tick", x: box.left - 38, y: box.top - 8 }, name));
}

/** A mark whose shape and colour tell the prior. */
function markOf(prior, x, y, size, hollow, attributes = {}) {
  const shape = Math.floor(prior / COLOURS.length) % 3;
  const colour = colourOf(prior);
  const look = {
    fill: hollow ? "none" : colour,
    stroke: colour,
    "stroke-width": 1.75,
    ...attributes,
  };
  if (shape === 0) return draw("circle", { cx: x, cy: y, r: size, ...look });
  const points =
    shape === 1
      ? [
          [-1, -1],
          [1, -1],
          [1, 1],
          [-1, 1],
        ]
      : [
          [0, -1.3],
          [1.2, 1],
          [-1.2, 1],
        ];
  return draw("polygon", {
    points: points.map(([a, b]) => `${x + a * size},${y + b * size}`).join(" "),
    ...look,
  });
}

const diamond = (x, y, size) =>
  `${x},${y - size} ${x + size},${y} ${x},${y + size} ${x - size},${y}`;

/** What the colours of priors mean. */
function keyOf(priors) {
  return make(
    "ul",
    { class: "key" },
    ...priors.map((prior) =>
      make(
        "li",
        {},
        draw(
          "svg",
          { viewBox: "0 0 28 12", "aria-hidden": "true" },
          draw("line", {
            x1: 0,
            x2: 28,
            y1: 6,
            y2: 6,
            stroke: colourOf(prior),
            "stroke-width": 2,
            "stroke-dasharray": dashOf(prior),
          }),
          markOf(prior, 14, 6, 3.5, false),
        ),
        data.priors[prior],
      ),
    ),
  );
}
