// The data of the page, and small helpers that all parts use. Texts from elsewhere reach the page
// as text nodes and attributes only, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

/** Set attributes and children of an element; what is null is left out. */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const make = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

/** Fill a list to choose from with [value, text] pairs, and keep what was chosen if it is there. */
function fillChoice(select, pairs) {
  const before = select.value;
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
  if (pairs.some(([value]) => String(value) === before)) select.value = before;
}

/** A number in three or four digits, for axes and tips. */
function short(value) {
  if (value === null || !isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1).replace(/\.0$/, "") : String(+value.toPrecision(2));
}

const decibels = (value) =>
  value === null || value === undefined
    ? "-"
    : value >= 100
      ? "identical"
      : `${value.toFixed(2)} dB`;

/** Call a function once things have been quiet for so many milliseconds. */
function later(action, pause) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(action, pause);
  };
}

// Colours that colour-blind readers tell apart (Okabe and Ito, 2008), readable on light and dark;
// with more priors than colours, dashes and shapes tell them apart, and names stand beside.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#b45f9a", "#b8860b", "#4f9fd6", "#7a7a7a"];
const DASHES = ["", "6 3", "2 3"];
const colourOf = (prior) => COLOURS[prior % COLOURS.length];
const dashOf = (prior) => DASHES[Math.floor(prior / COLOURS.length) % DASHES.length];

// What is chosen at the top of the page; "" stands for all tasks or images.
const chosen = { task: "", image: "", metric: 0, priors: new Set(data.priors.keys()) };

const inChoice = (entry) =>
  (chosen.task === "" || entry.task === +chosen.task) && chosen.priors.has(entry.prior);

/** A small text beside the pointer. */
function tip(text, event) {
  const box = byId("tip");
  box.hidden = !text;
  box.textContent = text;
  if (!text) return;
  const left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
  box.style.left = `${Math.max(8, left)}px`;
  const below = event.clientY + 18;
  box.style.top = `${below + box.offsetHeight > innerHeight ? event.clientY - box.offsetHeight - 10 : below}px`;
}

const tipped = (text) => ({
  onpointerenter: (event) => tip(text, event),
  onpointermove: (event) => tip(text, event),
  onpointerleave: () => tip(""),
});
