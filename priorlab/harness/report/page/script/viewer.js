// The viewer: pictures of one task and image in panes that zoom and move together.

class Viewer {
  constructor() {
    this.index = 0; // of data.views
    this.mode = "panes";
    this.show = "picture";
    this.range = { ...USUAL };
    this.view = { x: 0, y: 0, zoom: 1 };
    this.size = { width: 1, height: 1 };
    this.entries = [];
    this.open = null; // keys of the entries with a pane; null until they are first chosen
    this.left = "measured";
    this.right = null;
    this.active = 0;
    this.held = null;
    this.panes = [];
    this.clean = null;
    this.changed = () => {}; // told when other pictures are shown
    this.measureLater = later(() => this.measure(), 120);
    new ResizeObserver(() => this.paint()).observe(byId("panes"));
  }

  /** The views that the choice at the top of the page leaves. */
  choice() {
    const fits = (view) =>
      (chosen.task === "" || view.task === +chosen.task) &&
      (chosen.image === "" || view.image === +chosen.image);
    return [...data.views.keys()].filter((index) => fits(data.views[index]));
  }

  /** Follow the choice at the top of the page. */
  async follow() {
    const choice = this.choice();
    byId("look").hidden = !choice.length;
    if (!choice.length) return;
    await this.go(choice.includes(this.index) ? this.index : choice[0]);
  }

  async step(by) {
    const choice = this.choice();
    const place = choice.indexOf(this.index) + by;
    await this.go(choice[(place + choice.length) % choice.length]);
  }

  /** Show a prior's picture of a task and image. */
  async look(task, image, prior) {
    const index = data.views.findIndex((view) => view.task === task && view.image === image);
    if (index < 0) return;
    await this.go(index);
    if (this.mode === "panes") this.open.add(prior);
    else if (this.mode === "slider") this.right = prior;
    else this.open = new Set([prior]);
    this.arrange();
    byId("look").scrollIntoView();
  }

  /** Load the pictures of a view and show them. */
  async go(index) {
    const view = data.views[index];
    this.index = index;
    this.entries = entriesOf(view);
    const loaded = await Promise.all(this.entries.map((entry) => pictureOf(entry.name)));
    if (this.index !== index) return; // another was asked for meanwhile
    this.entries.forEach((entry, i) => (entry.picture = loaded[i]));
    this.entries = this.entries.filter((entry) => entry.picture);
    const restored = this.entries.find((entry) => entry.psnr !== undefined) ?? this.entries[0];
    if (!restored) return;
    const { width, height } = restored.picture;
    const clean = this.entries.find((entry) => entry.key === "clean");
    if (clean) clean.picture = cropped(clean.picture, width, height);
    this.clean = clean?.picture ?? null;
    if (width !== this.size.width || height !== this.size.height) {
      this.size = { width, height };
      this.view = { x: width / 2, y: height / 2, zoom: 1 };
    }
    this.open ??= new Set(usualOf(this.entries));
    this.arrange();
  }

  entry(key) {
    return this.entries.find((entry) => entry.key === key) ?? null;
  }

  /** Make as many panes as are wanted, and fill them. */
  arrange() {
    const first = this.entries[0];
    let shown;
    if (this.mode === "slider") {
      const right =
        this.entry(this.right) ?? this.entries.find((entry) => entry.psnr !== undefined) ?? first;
      this.right = right.key;
      const left = this.entry(this.left) ?? first;
      this.left = left.key;
      shown = [[left, right]];
    } else {
      const open = this.entries.filter((entry) => this.open.has(entry.key));
      shown = (open.length ? open : [first]).map((entry) => [entry]);
      if (this.mode === "single")
        shown = [shown.find(([entry]) => entry.psnr !== undefined) ?? shown[0]];
    }
    while (this.panes.length < shown.length) this.panes.push(newPane(this));
    this.panes.length = shown.length;
    this.active = Math.min(this.active, shown.length - 1);
    this.panes.forEach((pane, i) => (pane.usual = shown[i]));
    byId("panes").replaceChildren(...this.panes.map((pane) => pane.element));
    this.changed();
    this.paint();
  }

  /** What an entry looks like: its picture, or the map of its errors. */
  sourceOf(entry) {
    const { picture } = entry;
    if (this.show === "picture" || entry.key === "clean") return picture.canvas;
    return this.comparable(picture)
      ? mapOf(picture, this.clean, this.show, this.range[this.show])
      : null;
  }

  comparable(picture) {
    return this.clean && picture.width === this.clean.width && picture.height === this.clean.height;
  }

  /** Paint all panes; they share the view, so they stay together. */
  paint() {
    this.panes.forEach((pane, index) => {
      const held = index === this.active ? this.entry(this.held) : null;
      pane.shown = held ? [held] : pane.usual;
      pane.resize(this.size);
      pane.paint(this.view, this.size, (entry) => this.sourceOf(entry));
      pane.element.classList.toggle("active", index === this.active && this.panes.length > 1);
    });
    const pane = this.panes[0];
    const percent = pane ? Math.round(100 * pane.fit(this.size) * this.view.zoom) : 100;
    byId("zoom").textContent = this.view.zoom === 1 ? "fit" : `${percent} %`;
    this.measureLater();
  }

  /** Write the figures of the visible part below each pane. */
  measure() {
    for (const pane of this.panes) {
      const part = pane.part(this.view, this.size);
      pane.describe(
        (entry) => this.figures(entry, part),
        this.held !== null && pane === this.panes[this.active],
      );
    }
  }

  figures(entry, part) {
    const { picture } = entry;
    const where = `${part.right - part.left} \u00d7 ${part.bottom - part.top} pixels`;
    if (entry.key === "clean") return `${where} visible`;
    if (!this.clean) return `${where} visible; there is no clean picture`;
    if (!this.comparable(picture))
      return `${picture.width} \u00d7 ${picture.height} pixels, enlarged`;
    if (part.right <= part.left || part.bottom <= part.top) return "";
    return `visible: ${figuresOf(picture, this.clean, part)}`;
  }

  hold(key) {
    const wanted = key === null || this.entry(key) ? key : null;
    if (wanted === this.held) return;
    this.held = wanted;
    this.changed();
    this.paint();
  }

  /** Zoom by a factor about a point of the picture, which stays where it is. */
  zoom(factor, point = this.view) {
    const pane = this.panes[0];
    if (!pane) return;
    const fit = pane.fit(this.size);
    const zoom = Math.min(
      Math.max(this.view.zoom * factor, Math.min(1, 1 / fit)),
      Math.max(64 / fit, 1),
    );
    const share = this.view.zoom / zoom;
    this.see(
      point.x + (this.view.x - point.x) * share,
      point.y + (this.view.y - point.y) * share,
      zoom,
    );
  }

  /** Show the part about a point, as far as that keeps the picture in sight. */
  see(x, y, zoom) {
    const inside = (value, size) => (zoom <= 1 ? size / 2 : Math.min(Math.max(value, 0), size));
    this.view = { x: inside(x, this.size.width), y: inside(y, this.size.height), zoom };
    this.paint();
  }
}

/** What there is to look at in a view: clean, measured, then the priors, the best of the task first. */
function entriesOf(view) {
  const order = data.means.filter((mean) => mean.task === view.task).map((mean) => mean.prior);
  const rank = (prior) => (order.indexOf(prior) + order.length + 1) % (order.length + 1);
  const restored = view.restored
    .filter(([prior]) => chosen.priors.has(prior))
    .sort(([one], [other]) => rank(one) - rank(other))
    .map(([prior, name, psnr, ssim]) => ({
      key: prior,
      label: data.priors[prior],
      name,
      psnr,
      ssim,
    }));
  return [
    { key: "clean", label: "clean", name: view.clean },
    { key: "measured", label: "measured", name: view.measured },
    ...restored,
  ];
}

/** What is opened at first: the measurement, the two best and the clean picture. */
function usualOf(entries) {
  const restored = entries.filter((entry) => entry.psnr !== undefined).slice(0, 2);
  return ["measured", ...restored.map((entry) => entry.key), "clean"];
}

/** A picture without what lies beyond a width and a height, which no prior restores. */
function cropped(picture, width, height) {
  if (picture.width <= width && picture.height <= height) return picture;
  const canvas = make("canvas", { width, height });
  const pen = canvas.getContext("2d");
  pen.drawImage(picture.canvas, 0, 0);
  const { data: pixels } = pen.getImageData(0, 0, width, height);
  return {
    name: `${picture.name} ${width}x${height}`,
    width,
    height,
    pixels,
    gray: picture.gray,
    canvas,
  };
}

/** The middle of the part in which pictures differ most. */
function mostDifferent(pictures, size) {
  const cells = 16;
  const sums = new Float64Array(cells * cells);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const at = 4 * (y * size.width + x) + 1;
      let [low, high] = [255, 0];
      for (const { pixels } of pictures) {
        low = Math.min(low, pixels[at]);
        high = Math.max(high, pixels[at]);
      }
      sums[Math.floor((cells * y) / size.height) * cells + Math.floor((cells * x) / size.width)] +=
        (high - low) ** 2;
    }
  }
  let best = { sum: -1 };
  for (let row = 0; row + 4 <= cells; row++) {
    for (let column = 0; column + 4 <= cells; column++) {
      let sum = 0;
      for (let i = 0; i < 16; i++) sum += sums[(row + (i >> 2)) * cells + column + (i & 3)];
      if (sum > best.sum)
        best = {
          sum,
          x: ((column + 2) / cells) * size.width,
          y: ((row + 2) / cells) * size.height,
        };
    }
  }
  return best;
}
