// Puts the parts together once the page is there.

const viewer = new Viewer();
const keyOfText = (text) => (/^\d+$/.test(text) ? +text : text);

/** What a link has to say of the viewer, with names, which stay true when the run grows. */
function linked() {
  const view = data.views[viewer.index];
  const name = (key) => (typeof key === "number" ? { prior: data.priors[key] } : key);
  return {
    task: data.tasks[view.task],
    image: data.images[view.image],
    mode: viewer.mode,
    show: viewer.show,
    range: viewer.range,
    view: viewer.view,
    open: [...viewer.open].map(name),
    left: name(viewer.left),
    right: name(viewer.right),
  };
}

/** Show what a link says, as far as it is there. */
async function followLink() {
  if (!location.hash.startsWith("#view=")) return;
  let wanted;
  try {
    wanted = JSON.parse(decodeURIComponent(location.hash.slice(6)));
  } catch {
    return; // a link that was cut short shows the page as usual
  }
  const key = (name) => (name?.prior === undefined ? name : data.priors.indexOf(name.prior));
  const isView = (view) =>
    data.tasks[view.task] === wanted.task && data.images[view.image] === wanted.image;
  const index = data.views.findIndex(isView);
  if (index < 0) return;
  viewer.open = new Set((wanted.open ?? []).map(key));
  viewer.left = key(wanted.left) ?? "measured";
  viewer.right = key(wanted.right) ?? null;
  await viewer.go(index);
  const { x, y, zoom } = wanted.view ?? {};
  if ([x, y, zoom].every(Number.isFinite)) viewer.see(x, y, Math.min(1024, Math.max(0.01, zoom)));
  if (document.querySelector(`[data-mode="${CSS.escape(String(wanted.mode))}"]`))
    setMode(viewer, wanted.mode);
  if (RANGES[wanted.show])
    setShow(viewer, wanted.show, +wanted.range?.[wanted.show] || USUAL[wanted.show]);
  byId("look").scrollIntoView();
}

/** Follow a change at the top of the page. */
async function choose() {
  chosen.task = byId("task").value;
  chosen.image = byId("image").value;
  chosen.metric = +byId("metric").value;
  const boxes = [...byId("choices").querySelectorAll("input")];
  chosen.priors = new Set(boxes.filter((box) => box.checked).map((box) => +box.value));
  const all = chosen.priors.size === data.priors.length;
  byId("chosen").textContent = all ? "all" : `${chosen.priors.size} of ${data.priors.length}`;
  filterTables();
  drawCharts();
  await viewer.follow();
}

function fillChoices() {
  const all = (names) => [["", "all"], ...names.map((name, index) => [index, name])];
  fillChoice(byId("task"), all(data.tasks));
  fillChoice(byId("image"), all(data.images));
  fillChoice(
    byId("metric"),
    data.metrics.map((metric, index) => [index, metric.label]),
  );
  const boxes = data.priors.map((name, index) => {
    const box = make("input", { type: "checkbox", value: index });
    box.checked = true;
    return make("li", {}, make("label", {}, box, ` ${name}`));
  });
  byId("choices").replaceChildren(...boxes);
  const setAll = (state) => () => {
    for (const box of byId("choices").querySelectorAll("input")) box.checked = state;
    choose();
  };
  byId("all").addEventListener("click", setAll(true));
  byId("none").addEventListener("click", setAll(false));
  byId("filters").addEventListener("change", choose);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("against").addEventListener("change", drawCharts);
  byId("filters").hidden = false;
}

function wireViewer() {
  const on = (id, event, action) => byId(id).addEventListener(event, action);
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => setMode(viewer, button.dataset.mode));
  }
  on("show", "change", (event) => setShow(viewer, event.target.value));
  on("range", "change", (event) => setShow(viewer, viewer.show, +event.target.value));
  on("in", "click", () => viewer.zoom(1.5));
  on("out", "click", () => viewer.zoom(1 / 1.5));
  on("fit", "click", () => viewer.see(0, 0, 1));
  on("exact", "click", () =>
    viewer.zoom(1 / (viewer.panes[0].fit(viewer.size) * viewer.view.zoom)),
  );
  on("differ", "click", () => {
    const restored = viewer.panes
      .flatMap((pane) => pane.usual)
      .filter((entry) => entry.psnr !== undefined);
    const pictures = restored.map((entry) => entry.picture);
    if (pictures.length < 2 && viewer.clean) pictures.push(viewer.clean);
    const { x, y } = mostDifferent(pictures, viewer.size);
    viewer.see(x, y, 4);
  });
  on("previous", "click", () => viewer.step(-1));
  on("next", "click", () => viewer.step(1));
  for (const side of ["left", "right"]) {
    on(side, "change", (event) => {
      viewer[side] = keyOfText(event.target.value);
      viewer.arrange();
    });
  }
  on("link", "click", async () => {
    location.hash = `view=${encodeURIComponent(JSON.stringify(linked()))}`;
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    byId("link").textContent = "It is in the address bar";
    setTimeout(() => (byId("link").textContent = "Link to this view"), 2000);
  });
  on("full", "click", () =>
    document.fullscreenElement ? document.exitFullscreen() : byId("look").requestFullscreen(),
  );
  byId("full").hidden = !byId("look").requestFullscreen;
  viewer.changed = () => listEntries(viewer);
  drawLegend(byId("legend"));
  listenToKeys(viewer);
}

// For the tests of the page, and for the curious.
window.priorlab = { viewer, ciede2000, toLab, psnrOf, ssimOf, pictureOf, label, draw };

for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
fillChoices();
wireViewer();
addEventListener("hashchange", followLink);
choose().then(followLink);
