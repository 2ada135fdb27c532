// A pane: a canvas with one picture, or with two and a divider, and what there is to say of them.

class Pane {
  constructor() {
    this.shown = []; // one entry, or two: left and right of the divider
    this.split = 0.5;
    this.canvas = make("canvas", { tabindex: 0, role: "img" });
    this.divider = make("div", {
      class: "divider",
      role: "slider",
      tabindex: 0,
      "aria-label": "Divider between the two pictures",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      hidden: "",
    });
    this.caption = make("figcaption");
    this.stage = make("div", { class: "stage" }, this.canvas, this.divider);
    this.element = make("figure", {}, this.stage, this.caption);
  }

  /** Make the canvas as fine as the screen; returns whether that changed it. */
  resize(size) {
    this.canvas.style.aspectRatio = `${size.width} / ${size.height}`;
    this.canvas.style.maxHeight = "78vh";
    const width = Math.max(1, Math.round(this.canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * devicePixelRatio));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    return true;
  }

  /** Screen pixels per picture pixel when the whole picture is shown. */
  fit(size) {
    return Math.min(this.canvas.width / size.width, this.canvas.height / size.height);
  }

  /** The part of the picture that is visible. */
  part(view, size) {
    const scale = this.fit(size) * view.zoom;
    const [across, down] = [this.canvas.width / scale / 2, this.canvas.height / scale / 2];
    return {
      left: Math.max(0, Math.floor(view.x - across)),
      top: Math.max(0, Math.floor(view.y - down)),
      right: Math.min(size.width, Math.ceil(view.x + across)),
      bottom: Math.min(size.height, Math.ceil(view.y + down)),
    };
  }

  /** Where a point of the screen lies in the picture. */
  pointAt(event, view, size) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.fit(size) * view.zoom;
    return {
      x: view.x + ((event.clientX - box.left) * devicePixelRatio - this.canvas.width / 2) / scale,
      y: view.y + ((event.clientY - box.top) * devicePixelRatio - this.canvas.height / 2) / scale,
    };
  }

  /** Paint what is shown; `sourceOf` returns the canvas of an entry, or null. */
  paint(view, size, sourceOf) {
    const pen = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    const scale = this.fit(size) * view.zoom;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    const edge = Math.round(this.split * width);
    this.shown.forEach((entry, index) => {
      const source = sourceOf(entry);
      if (!source) return;
      pen.save();
      if (this.shown.length > 1) {
        pen.beginPath();
        pen.rect(index ? edge : 0, 0, index ? width - edge : edge, height);
        pen.clip();
      }
      // Pixels are to be seen as they are when they are larger than those of the screen.
      pen.imageSmoothingEnabled = scale < 1;
      pen.imageSmoothingQuality = "high";
      pen.translate(width / 2, height / 2);
      pen.scale(scale, scale);
      pen.translate(-view.x, -view.y);
      pen.drawImage(source, 0, 0, size.width, size.height);
      pen.restore();
    });
    this.divider.hidden = this.shown.length < 2;
    this.divider.style.left = `${100 * this.split}%`;
    this.divider.setAttribute("aria-valuenow", Math.round(100 * this.split));
    this.element.classList.toggle("zoomed", view.zoom > 1);
  }

  moveDivider(share) {
    this.split = Math.min(1, Math.max(0, share));
  }

  /** Say what is shown; `figures` returns the line of an entry. */
  describe(figures, held) {
    const lines = this.shown.map((entry) => {
      const name = make("strong", held ? { class: "held" } : {}, entry.label);
      const own =
        entry.psnr === undefined
          ? ""
          : ` run: ${decibels(entry.psnr)} / ${entry.ssim?.toFixed(3) ?? "-"}`;
      return make("div", {}, name, make("span", { class: "run" }, own), make("br"), figures(entry));
    });
    this.caption.replaceChildren(...lines);
    this.canvas.setAttribute("aria-label", this.shown.map((entry) => entry.label).join(" and "));
  }
}
