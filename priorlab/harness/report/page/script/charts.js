// Quality against time, quality while a prior works, and the spread over images.

const metricName = () => data.metrics[chosen.metric].label + (chosen.metric === 0 ? " (dB)" : "");
const isBetter = (a, b) => (data.metrics[chosen.metric].lower ? a < b : a > b);

/** The entries that no other is both faster and better than, the fastest first. */
function paretoFront(entries) {
  const found = [];
  for (const entry of [...entries].sort((a, b) => a.seconds - b.seconds)) {
    const last = found[found.length - 1];
    if (last && !isBetter(entry.value, last.value)) continue;
    if (last && last.seconds === entry.seconds) found.pop();
    found.push(entry);
  }
  return found;
}

function scatter(task) {
  const entries = data.means
    .filter((mean) => mean.task === task && chosen.priors.has(mean.prior))
    .map((mean) => ({ ...mean, value: mean.values[chosen.metric] }))
    .filter((mean) => mean.value !== null && mean.seconds > 0);
  if (!entries.length) return null;
  const box = { left: 52, right: WIDE - 12, top: 22, bottom: 270 };
  const across = axisOf(
    entries.map((e) => e.seconds),
    box.left,
    box.right,
    true,
  );
  const up = axisOf(
    entries.map((e) => e.value),
    box.bottom,
    box.top,
  );
  const front = paretoFront(entries.filter((entry) => entry.complete));
  const names = front.map((entry) => data.priors[entry.prior]).join(", ");
  return chart(data.tasks[task], `on the Pareto front: ${names}`, 310, (area) => {
    drawAcross(area, across, box, "seconds per image");
    drawUpwards(area, up, box, metricName());
    const steps = front.map((e, i) => {
      const at = `${across.place(e.seconds)} ${up.place(e.value)}`;
      return i ? `H ${across.place(e.seconds)} V ${up.place(e.value)}` : `M ${at}`;
    });
    if (front.length) area.append(draw("path", { class: "front", d: steps.join(" ") }));
    const taken = entries.map((entry) => {
      const [x, y] = [across.place(entry.seconds), up.place(entry.value)];
      return { left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 };
    });
    for (const value of up.ticks) {
      const y = up.place(value);
      taken.push({ left: 0, right: box.left - 6, top: y - 6, bottom: y + 6 });
    }
    for (const entry of [...entries].sort((a, b) => up.place(a.value) - up.place(b.value))) {
      const [x, y] = [across.place(entry.seconds), up.place(entry.value)];
      const name = data.priors[entry.prior];
      const text = `${name}\n${metricName()} ${entry.value.toPrecision(4)}, ${short(entry.seconds)} s`;
      area.append(markOf(entry.prior, x, y, 5, !entry.complete, tipped(text)));
      label(area, name, x, y, taken, box);
    }
  });
}

/** How wide a name is in a chart, in its own units: `svg text` in page.css has the size. */
const ruler = document.createElement("canvas").getContext("2d");
function widthOf(name) {
  ruler.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(name).width;
}

/** Write a name beside a mark, where no other stands, or not at all. */
function label(area, name, x, y, taken, box) {
  const shown = name.length > 24 ? `${name.slice(0, 23)}\u2026` : name;
  const wide = widthOf(shown);
  const places = [
    [9, 4],
    [-9 - wide, 4],
    [-wide / 2, -10],
    [-wide / 2, 19],
    [9, -12],
    [9, 17],
    [-9 - wide, -12],
    [-9 - wide, 17],
  ];
  for (const [right, down] of places) {
    const one = {
      left: x + right,
      top: y + down - 11,
      right: x + right + wide,
      bottom: y + down + 3,
    };
    const inside =
      one.left >= box.left - 20 &&
      one.right <= box.right + 12 &&
      one.top > box.top - 20 &&
      one.bottom < box.bottom + 2;
    const free = taken.every(
      (o) => one.right + 3 < o.left || one.left - 3 > o.right || one.bottom < o.top || one.top > o.bottom,
    );
    if (!inside || !free) continue;
    taken.push(one);
    area.append(draw("text", { x: one.left, y: y + down }, shown));
    return;
  }
}

function course(task, axis) {
  const curves = data.curves.filter(
    (curve) =>
      curve.task === task &&
      chosen.priors.has(curve.prior) &&
      (chosen.image === "" || curve.image === +chosen.image),
  );
  if (!curves.length) return null;
  const box = { left: 52, right: WIDE - 12, top: 22, bottom: 270 };
  const at = (point) => point[axis];
  const stopAt = (curve) => (axis ? curve.stop[2] : curve.stop[0]);
  const oracleAt = (curve) => {
    const near = [...curve.points].sort(
      (a, b) => Math.abs(a[0] - curve.oracle[0]) - Math.abs(b[0] - curve.oracle[0]),
    )[0];
    return axis ? (curve.oracle[0] === curve.stop[0] ? stopAt(curve) : near[1]) : curve.oracle[0];
  };
  // Of several fits the iterations of the last one count from 1.
  const pointsOf = (curve) => curve.points.filter((point) => axis || point[0] > 0);
  const all = curves.flatMap((c) => [...pointsOf(c).map(at), stopAt(c), oracleAt(c)]);
  const heights = curves.flatMap((c) =>
    [...pointsOf(c).map((p) => p[2]), c.stop[1], c.oracle[1]].filter((v) => v !== null),
  );
  const across = axisOf(all, box.left, box.right);
  const up = axisOf(heights, box.bottom, box.top);
  const priors = [...new Set(curves.map((curve) => curve.prior))];
  const made = chart(
    data.tasks[task],
    `PSNR over time of ${priors.map((p) => data.priors[p]).join(", ")}`,
    310,
    (area) => {
      drawAcross(area, across, box, axis ? "seconds" : "iterations");
      drawUpwards(area, up, box, "PSNR (dB)");
      for (const curve of curves) {
        const name = `${data.priors[curve.prior]}, ${data.images[curve.image]}`;
        const line = pointsOf(curve)
          .map((p) => `${across.place(at(p)).toFixed(1)},${up.place(p[2]).toFixed(1)}`)
          .join(" ");
        const colour = colourOf(curve.prior);
        const [x, y] = [
          across.place(stopAt(curve)),
          curve.stop[1] === null ? null : up.place(curve.stop[1]),
        ];
        area.append(
          draw("polyline", {
            points: line,
            fill: "none",
            stroke: colour,
            "stroke-width": 2,
            "stroke-dasharray": dashOf(curve.prior),
            ...tipped(name),
          }),
        );
        if (curve.oracle[1] !== null) {
          const text = `${name}\noracle: ${decibels(curve.oracle[1])} at iteration ${curve.oracle[0]}`;
          const points = diamond(across.place(oracleAt(curve)), up.place(curve.oracle[1]), 7);
          area.append(
            draw("polygon", {
              points,
              fill: "none",
              stroke: colour,
              "stroke-width": 2,
              class: "oracle",
              ...tipped(text),
            }),
          );
        }
        if (y !== null) {
          const text = `${name}\nreturned: ${decibels(curve.stop[1])} at iteration ${curve.stop[0]}`;
          area.append(
            draw("circle", { cx: x, cy: y, r: 4, fill: colour, class: "stop", ...tipped(text) }),
          );
        }
      }
    },
  );
  made.append(keyOf(priors));
  return made;
}

/** The value below which a share of sorted values lies. */
function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

const MOST_DOTS = 400; // of a prior; more would be one blot, and slow

function spread(task) {
  const at = 5 + chosen.metric;
  const groups = new Map();
  for (const cell of data.cells) {
    if (cell[1] !== task || !chosen.priors.has(cell[0]) || cell[at] === null) continue;
    if (!groups.has(cell[0])) groups.set(cell[0], []);
    groups.get(cell[0]).push(cell);
  }
  if (!groups.size) return null;
  const means = [...groups].map(([prior, cells]) => [
    prior,
    cells,
    cells.reduce((sum, c) => sum + c[at], 0) / cells.length,
  ]);
  means.sort((a, b) => (isBetter(a[2], b[2]) ? -1 : 1));
  const row = 34;
  const box = { left: 12, right: WIDE - 12, top: 4, bottom: 8 + row * means.length };
  const across = axisOf(
    means.flatMap(([, cells]) => cells.map((c) => c[at])),
    box.left,
    box.right,
  );
  return chart(data.tasks[task], `${metricName()} of each image`, box.bottom + 38, (area) => {
    drawAcross(area, across, box, metricName());
    means.forEach(([prior, cells], index) => {
      const y = box.top + row * index + 24;
      area.append(draw("text", { x: box.left, y: y - 10 }, data.priors[prior]));
      const values = cells.map((c) => c[at]).sort((a, b) => a - b);
      const [low, middle, high] = [0.25, 0.5, 0.75].map((share) =>
        across.place(quantile(values, share)),
      );
      if (values.length > 3)
        area.append(
          draw("rect", { class: "box", x: low, y: y - 7, width: high - low, height: 14 }),
        );
      area.append(draw("line", { class: "box", x1: middle, x2: middle, y1: y - 7, y2: y + 7 }));
      if (cells.length > MOST_DOTS) {
        const ends = [values[0], values[values.length - 1]].map(across.place);
        area.append(
          draw("line", {
            x1: ends[0],
            x2: ends[1],
            y1: y,
            y2: y,
            stroke: colourOf(prior),
            "stroke-width": 2,
          }),
        );
      }
      for (const cell of cells.length > MOST_DOTS ? [] : cells) {
        const seed = cell[3] ? `, seed ${cell[3]}` : "";
        const text = `${data.priors[prior]}, ${data.images[cell[2]]}${seed}\n${metricName()} ${cell[at].toPrecision(4)}`;
        const isChosen = chosen.image !== "" && cell[2] === +chosen.image;
        const dimmed = chosen.image !== "" && !isChosen ? 0.25 : 0.8;
        area.append(
          draw("circle", {
            class: "dot",
            cx: across.place(cell[at]),
            cy: y,
            r: 4,
            fill: colourOf(prior),
            "fill-opacity": dimmed,
            onclick: () => viewer.look(task, cell[2], prior),
            ...tipped(text),
          }),
        );
      }
    });
  });
}

function drawCharts() {
  const tasks = chosen.task === "" ? [...data.tasks.keys()] : [+chosen.task];
  const fill = (section, make) => {
    const charts = tasks.map(make).filter(Boolean);
    byId(section).hidden = !charts.length;
    document.querySelector(`nav a[href="#${section}"]`).parentElement.hidden = !charts.length;
    byId(`${section}-charts`).replaceChildren(...charts);
  };
  fill("time", scatter);
  fill("course", (task) => course(task, +byId("against").value));
  fill("spread", spread);
}
