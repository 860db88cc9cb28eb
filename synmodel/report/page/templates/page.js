"use strict";
(() => {
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  const save = (text, name, kind) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: kind }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const tools = (place, ...buttons) => {
    const bar = document.createElement("div");
    bar.className = "tools";
    bar.append(...buttons);
    place.after(bar);
  };
  const cell = (each) => {
    let text = each.textContent.trim();
    // Text that a spreadsheet would take for a formula, as in tables of `synmodel convert`; numbers stay as they are.
    if (!each.dataset.value && /^[=+@-]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  const csv = (table) => [...table.rows].map((row) => [...row.cells].map(cell).join(",")).join("\r\n") + "\r\n";
  const valueOf = (row, column) => {
    const each = row.cells[column];
    const number = each.dataset.value ?? "";
    return number === "" ? each.textContent.trim() : Number(number);
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
    return typeof a === "number" ? -1 : 1;
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => {
      const text = head.textContent;
      head.textContent = "";
      const sort = button(text, () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
        rows.sort((a, b) => (down ? -1 : 1) * compare(a[0], b[0]));
        body.append(...rows.map((each) => each[1]));
      });
      if (!text.trim()) sort.setAttribute("aria-label", "sort by this column");
      head.append(sort);
    });
    tools(table.parentElement, button("Download CSV", () => save(csv(table), table.dataset.name + ".csv", "text/csv")));
  }
  for (const block of document.querySelectorAll("pre[data-file]")) {
    tools(block, button("Download BibTeX", () => save(block.textContent, block.dataset.file, "text/plain")));
  }
})();
