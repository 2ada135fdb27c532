// What hands do with the viewer: drag, pinch, wheel, keys, and the buttons around it.

function newPane(viewer) {
  const pane = new Pane();
  const { canvas, divider } = pane;
  const fingers = new Map();
  const activate = () => {
    viewer.active = viewer.panes.indexOf(pane);
    viewer.paint();
  };
  canvas.addEventListener("focus", activate);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    activate();
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const [other] = [...fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
    const { view, size } = viewer;
    const [from, to] = [pane.pointAt(before, view, size), pane.pointAt(event, view, size)];
    fingers.set(event.pointerId, event);
    if (other) {
      const apart = (finger) =>
        Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
      viewer.zoom(apart(event) / Math.max(1, apart(before)), pane.pointAt(other, view, size));
    } else if (view.zoom > 1) {
      viewer.see(view.x + from.x - to.x, view.y + from.y - to.y, view.zoom);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  canvas.addEventListener(
    "wheel",
    (event) => {
      // The wheel alone scrolls the page until the pane was clicked.
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
      event.preventDefault();
      viewer.zoom(
        Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)),
        pane.pointAt(event, viewer.view, viewer.size),
      );
    },
    { passive: false },
  );
  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const box = canvas.getBoundingClientRect();
    pane.moveDivider((event.clientX - box.left) / box.width);
    viewer.paint();
  });
  divider.addEventListener("keydown", (event) => {
    const step = {
      ArrowLeft: -0.02,
      ArrowRight: 0.02,
      ArrowDown: -0.02,
      ArrowUp: 0.02,
      Home: -1,
      End: 1,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    pane.moveDivider(pane.split + step);
    viewer.paint();
  });
  return pane;
}

/** Keys work wherever the focus is, but where they are typed into something, which a box is not. */
function listenToKeys(viewer) {
  const typing = "select, textarea, input:not([type=checkbox], [type=radio])";
  const here = (event) =>
    !byId("look").hidden &&
    !event.ctrlKey &&
    !event.altKey &&
    !event.metaKey &&
    !event.target.closest?.(typing);
  const move = (x, y) => {
    const step = 0.1 / viewer.view.zoom;
    const { view, size } = viewer;
    viewer.see(view.x + x * step * size.width, view.y + y * step * size.height, view.zoom);
  };
  const actions = {
    "+": () => viewer.zoom(1.25),
    "=": () => viewer.zoom(1.25),
    "-": () => viewer.zoom(0.8),
    0: () => viewer.see(0, 0, 1),
    "[": () => viewer.step(-1),
    "]": () => viewer.step(1),
    s: () => setMode(viewer, viewer.mode === "slider" ? "panes" : "slider"),
    e: () => setShow(viewer, viewer.show === "picture" ? "error" : "picture"),
  };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener("keydown", (event) => {
    if (!here(event)) return;
    const entry = /^[1-9]$/.test(event.key) ? viewer.entries[event.key - 1] : null;
    const moved = event.target.matches?.("canvas") ? moves[event.key] : null;
    if (entry) viewer.hold(entry.key);
    else if (moved && viewer.view.zoom > 1) move(...moved);
    else if (actions[event.key.toLowerCase()]) actions[event.key.toLowerCase()]();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (/^[1-9]$/.test(event.key)) viewer.hold(null);
  });
  addEventListener("blur", () => viewer.hold(null));
}

/** A button that shows a picture as long as it is held. */
function flipButton(viewer, entry, index) {
  const number = index < 9 ? [make("kbd", {}, String(index + 1))] : [];
  const release = () => viewer.hold(null);
  const isKey = (event) => event.key === " " || event.key === "Enter";
  return make(
    "button",
    {
      type: "button",
      class: viewer.held === entry.key ? "held" : "",
      "data-key": entry.key,
      onpointerdown: () => viewer.hold(entry.key),
      onpointerup: release,
      onpointercancel: release,
      onpointerleave: release,
      onkeydown: (event) => isKey(event) && viewer.hold(entry.key),
      onkeyup: (event) => isKey(event) && release(),
      oncontextmenu: (event) => event.preventDefault(),
    },
    ...number,
    entry.label,
  );
}

/** Make the row of pictures above the panes again. */
function listEntries(viewer) {
  const view = data.views[viewer.index];
  const choice = viewer.choice();
  const place =
    choice.length > 1 ? ` (${choice.indexOf(viewer.index) + 1} of ${choice.length})` : "";
  const where = `${data.tasks[view.task]} \u00b7 ${data.images[view.image]}${place}`;
  if (byId("where").textContent !== where) byId("where").textContent = where; // said once, when it is new
  const focused = document.activeElement?.closest?.("#flips [data-key]");
  const rows = viewer.entries.map((entry, index) => {
    const box = make("input", {
      type: viewer.mode === "single" ? "radio" : "checkbox",
      name: "pane",
      "data-key": entry.key,
      "aria-label": `Show ${entry.label}`,
    });
    box.checked = viewer.panes.some((pane) => pane.usual.includes(entry));
    box.addEventListener("change", () => {
      if (viewer.mode === "single") viewer.open = new Set([entry.key]);
      else if (box.checked) viewer.open.add(entry.key);
      else viewer.open.delete(entry.key);
      viewer.arrange();
    });
    const label = viewer.mode === "slider" ? [] : [make("label", {}, box)];
    return make("li", {}, ...label, flipButton(viewer, entry, index));
  });
  // A button that is being held must stay the one under the pointer.
  const old = [...byId("flips").querySelectorAll("button")];
  const same = viewer.held !== null || old.some((button) => button.classList.contains("held"));
  if (same && old.length === rows.length) {
    old.forEach((button) =>
      button.classList.toggle("held", button.dataset.key === String(viewer.held)),
    );
  } else {
    byId("flips").replaceChildren(...rows);
    if (focused)
      byId("flips").querySelector(`${focused.tagName}[data-key="${focused.dataset.key}"]`)?.focus();
  }
  const pairs = viewer.entries.map((entry) => [entry.key, entry.label]);
  for (const side of ["left", "right"]) {
    fillChoice(byId(side), pairs);
    if (viewer[side] !== null) byId(side).value = viewer[side];
  }
}

function setMode(viewer, mode) {
  viewer.mode = mode;
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", button.dataset.mode === mode);
  }
  document.querySelector(".slider-choice").hidden = mode !== "slider";
  viewer.arrange();
}

function setShow(viewer, show, range = viewer.range[show]) {
  viewer.show = show;
  byId("show").value = show;
  const isMap = show !== "picture";
  byId("range-label").hidden = byId("legend").hidden = !isMap;
  if (isMap) {
    viewer.range[show] = range;
    const unit = show === "error" ? "levels of 255" : "\u0394E\u2080\u2080";
    fillChoice(
      byId("range"),
      RANGES[show].map((value) => [value, `${value} ${unit}`]),
    );
    byId("range").value = range;
  }
  viewer.paint();
}
