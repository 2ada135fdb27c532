// Tables that sort by a click on the head of a column, and that follow what is chosen above.

function valueOf(cell) {
  const number = cell.dataset.value;
  return number === undefined ? null : +number;
}

/** Sort the lines of a table by a column; what has no value stays at the end. */
function sortTable(table, index, descending) {
  const body = table.tBodies[0];
  const lines = [...body.rows];
  const numeric = table.tHead.rows[0].cells[index].classList.contains("number");
  const keys = new Map(
    lines.map((line) => {
      const cell = line.cells[index];
      return [line, numeric ? valueOf(cell) : cell.textContent];
    }),
  );
  const sign = descending ? -1 : 1;
  lines.sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (numeric ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  });
  body.append(...lines);
}

/** Let a click on a head sort by it: the best first, then the other way round. */
function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    const button = make("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const numeric = head.classList.contains("number");
      const down = before ? before === "ascending" : numeric && !("falling" in head.dataset);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortTable(table, index, down);
    });
    head.replaceChildren(button);
  });
}

/** Hide the lines and sections of what is not chosen. */
function filterTables() {
  const task = chosen.task === "" ? null : data.tasks[chosen.task];
  const image = chosen.image === "" ? null : data.images[chosen.image];
  const names = new Set([...chosen.priors].map((prior) => data.priors[prior]));
  const measured = new Set(data.priors);
  for (const section of document.querySelectorAll(".sheet")) {
    section.hidden = task !== null && section.dataset.task !== task;
  }
  for (const line of document.querySelectorAll("tr[data-prior], .failure")) {
    const known = line.dataset;
    line.hidden =
      (measured.has(known.prior) && !names.has(known.prior)) ||
      (task !== null && known.task !== undefined && known.task !== task) ||
      (image !== null && known.image !== undefined && known.image !== image);
  }
}
