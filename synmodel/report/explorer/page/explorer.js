// The page: sends its state, draws what comes back. First the estimate, then bands from more and more draws.
import { Controls } from "./controls.js";
import { draw, key, swatch, table, tag, text } from "./plot.js";

const $ = (id) => document.getElementById(id);
const DRAWS = [12, 40, 100];
const PAUSE_MS = 350; // without a move before bands are asked for
const LETTERS = ["A", "B"];
const QUANTITY = { formation_fraction: "formation", elimination_fraction: "elimination", density_change: "density" };

const page = { controls: [], shown: null, asked: 0, busy: false, waiting: false, timer: null, own: null, texts: null, opened: new Set(), exact: null };

class Refused extends Error {}

async function send(path, body, query = "", signal = undefined) {
  let answer;
  try {
    answer = await fetch(path + query, body === undefined ? {} : { method: "POST", body, signal });
  } catch {
    throw new Refused("the explorer does not answer; is `synmodel explore` still running?");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refused(said.error ?? `the explorer answered ${answer.status}; load the page again`);
}

function state(draws, checks) {
  return { scenarios: page.controls.map((each) => each.state), draws, checks, whole: $("window").value === "all", own: ownPoints() };
}

function say(line) { $("status").textContent = line; }

function fault(line) {
  $("fault").hidden = !line;
  $("fault").textContent = line || "";
  for (const each of page.controls) each.mark(line);
  $("main").classList.toggle("stale", Boolean(line));
}

// A change: the estimate at once (the last change of several), bands when it has been quiet for a moment.
function changed() {
  page.asked += 1;
  clearTimeout(page.timer);
  page.bands?.abort(); // of what was shown before: the server stops computing them
  if (page.busy) { page.waiting = true; return; }
  ask();
}

async function ask() {
  const number = page.asked;
  page.busy = true;
  page.waiting = false;
  try {
    const answer = await (await send("show", JSON.stringify(state(0, false)))).json();
    if (!page.waiting) {
      fault("");
      show(answer, 0);
      say("Estimate; intervals follow …");
      page.timer = setTimeout(() => bands(number), PAUSE_MS);
    } else show(answer, 0);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (!page.waiting) { fault(error.message); say("Not shown: see the line above."); }
  }
  page.busy = false;
  if (page.waiting) ask();
}

async function bands(number) {
  const aborted = page.bands = new AbortController();
  for (const draws of DRAWS) {
    const isLast = draws === DRAWS[DRAWS.length - 1];
    try {
      const answer = await (await send("show", JSON.stringify(state(draws, isLast)), "?slow=1", aborted.signal)).json();
      if (number !== page.asked) return;
      show(answer, draws);
      say(isLast ? `95 % intervals from ${answer.draws.used} draws of the posterior.` : `Intervals from ${draws} draws, more follow …`);
    } catch (error) {
      if (aborted.signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      if (number === page.asked) fault(error.message);
      return;
    }
  }
  await hand();
}

// -- what is drawn ----------------------------------------------------------------------------------------------

function show(answer, draws) {
  page.shown = answer;
  page.exact = state(draws, false);
  answer.scenarios.forEach((each, k) => { page.controls[k].title.textContent = each.title; });
  glance(answer);
  first(answer);
  panels(answer);
  beside(answer.beside);
  document.body.dataset.drawn = String(Number(document.body.dataset.drawn ?? 0) + 1);
  document.body.dataset.draws = String(draws);
}

function interval(cell, unit) {
  if (!cell || cell.estimate === null) return "–";
  const width = cell.high - cell.low, size = Math.abs(cell.estimate);
  const isFixed = cell.low === null || width <= 0.01 * size; // of drugs whose kinetics no fit moves
  const ends = isFixed ? "" : ` (${text(cell.low, width < 0.2 * size ? 3 : 2)} to ${text(cell.high, width < 0.2 * size ? 3 : 2)})`;
  if (size < 0.005 && (isFixed || Math.max(Math.abs(cell.low), Math.abs(cell.high)) < 0.005)) return `0${unit ? ` ${unit}` : ""}`;
  return `${text(cell.estimate)}${unit === "fold" ? "-fold" : ` ${unit}`}${ends}`;
}

function glance(answer) {
  const made = $("glance"), head = tag("tr");
  head.append(tag("td"));
  answer.scenarios.forEach((each, k) => head.append(tag("th", { scope: "col", class: "ab"[k] }, `${each.letter}: ${each.title}`)));
  head.append(tag("th", { scope: "col" }, "A minus B"));
  head.firstElementChild.textContent = "Times are since the first dose.";
  made.replaceChildren(head);
  for (const row of answer.glance) {
    const line = tag("tr");
    line.append(tag("th", { scope: "row" }, row.label));
    for (const cell of row.cells) {
      const box = tag("td", {}, cell.length ? null : "–");
      for (const each of cell) {
        box.append(tag("div", {}, interval(each, row.unit)));
        if (each.words) box.append(tag("small", {}, each.words));
      }
      line.append(box);
    }
    line.append(tag("td", {}, row.difference ? interval(row.difference, row.unit === "fold" ? "" : row.unit) : "–"));
    made.append(line);
  }
  sentence(answer);
}

function sentence(answer) {
  const box = $("sentence"), last = answer.glance[answer.glance.length - 1];
  const formation = answer.glance.find((row) => row.label.startsWith("formation")), elimination = answer.glance.find((row) => row.label.startsWith("elimination"));
  box.replaceChildren();
  answer.scenarios.forEach((each, k) => {
    if (k) box.append(" ");
    box.append(tag("b", { class: "ab"[k] }, `${each.letter}, ${each.title}`));
    const [b, l, x] = [formation, elimination, last].map((row) => row.cells[k][0]);
    if (Math.abs(b.estimate - 1) < 0.005 && Math.abs(l.estimate - 1) < 0.005) { box.append(": changes neither formation nor elimination of spines."); return; }
    const word = x.estimate < 0 ? "fewer" : "extra", day = last.label.replace("extra spines ", "");
    box.append(`: formation ${text(b.estimate, 2)}-fold at its highest, elimination ${text(l.estimate, 2)}-fold at its lowest, ${text(Math.abs(x.estimate), 2)} % ${word} spines ${day}.`);
  });
}

function items(list, lines, className = "") {
  list.replaceChildren(...lines.map((line) => tag("li", className ? { class: className } : {}, line)));
}

function first(answer) {
  const against = answer.first.contradictions;
  if (answer.is_checked) items($("contradictions"), against.length ? against : ["No measurement of the library contradicts A or B."], against.length ? "" : "none");
  else items($("contradictions"), ["Checking against the measurements of the library …"], "none");
  items($("notes"), answer.first.notes);
  $("care-summary").textContent = `Read with care (${answer.first.notes.length})`;
}

function withOwn(panel) {
  const points = ownPoints().filter((point) => QUANTITY[point.quantity] === panel.id);
  return { ...panel, points: [...panel.points, ...points.map((point) => ({ ...point, mean: 100 * point.mean, sem: point.sem === null ? null : 100 * point.sem }))] };
}

// Which published arms stand as points beside A and B, once for all panels.
function published(answer) {
  const list = $("published"), keys = new Map();
  for (const panel of answer.panels) for (const point of panel.points) keys.set(`${answer.scenarios[point.scenario].letter}: ${point.study}, ${point.arm}`, point);
  list.replaceChildren(tag("li", {}, keys.size ? "Published means of the same doses:" : "No arm of the embedded studies was given the doses of A or B."));
  for (const [label, point] of keys) {
    const item = tag("li");
    item.append(swatch(`point s${point.scenario}${point.is_baseline ? "" : " open"}`, "circle"), label);
    list.append(item);
  }
}

function panels(answer) {
  published(answer);
  const box = $("panels");
  answer.panels.map(withOwn).forEach((panel, place) => {
    let figure = box.children[place];
    if (!figure) {
      figure = tag("figure", { id: `panel-${panel.id}` });
      const more = tag("details"), scroll = tag("div", { class: "scroll", tabindex: "0", role: "region" });
      more.append(tag("summary", {}, "as a table"), scroll);
      more.addEventListener("toggle", () => { more.open ? page.opened.add(panel.id) : page.opened.delete(panel.id); if (page.shown) panels(page.shown); });
      figure.append(tag("figcaption"), tag("ul"), draw({ ...panel, series: [], points: [] }, answer.scenarios), more);
      box.append(figure);
    }
    const [caption, list, svg, more] = figure.children;
    caption.textContent = `${panel.title} (${panel.unit})`;
    list.replaceWith(key(panel, answer.scenarios));
    svg.replaceWith(draw(panel, answer.scenarios));
    const scroll = more.lastElementChild;
    scroll.setAttribute("aria-label", `${panel.title}, table`);
    if (page.opened.has(panel.id)) scroll.replaceChildren(table(panel, answer.scenarios));
  });
}

// -- one's own data ---------------------------------------------------------------------------------------------

function ownPoints() {
  if (!page.own) return [];
  return page.own.arms.flatMap((arm, mark) => (arm.beside === "-" ? [] : arm.points.map((point) => ({ ...point, arm: arm.arm, scenario: arm.beside, mark }))));
}

async function own(file) {
  const line = $("own-fault");
  line.hidden = true;
  try {
    if (file.size > 5_000_000) throw new Refused(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; the explorer takes up to 5 MB`);
    const read = await (await send("own", file, `?name=${encodeURIComponent(file.name)}`)).json();
    read.arms.forEach((arm, k) => { arm.beside = k < 2 ? LETTERS[k] : "-"; });
    page.own = read;
    offerOwn();
    changed();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    line.textContent = error.message;
    line.hidden = false;
  }
}

function offerOwn() {
  $("own-read").hidden = !page.own;
  if (!page.own) return;
  $("own-about").textContent = `${page.own.name}, read as ${page.own.form}.`;
  items($("own-notes"), page.own.notes);
  $("own-arms").replaceChildren(...page.own.arms.map((arm, k) => {
    const box = tag("span"), label = tag("label", { for: `own-arm-${k}` }, `${arm.arm} beside`), select = tag("select", { id: `own-arm-${k}` });
    for (const each of [...LETTERS, "-"]) { const option = tag("option", { value: each }, each === "-" ? "neither" : each); option.selected = arm.beside === each; select.append(option); }
    select.addEventListener("change", () => { arm.beside = select.value; changed(); });
    box.append(label, select);
    return box;
  }));
}

function beside(rows) {
  const made = $("beside"), head = tag("tr");
  for (const label of ["arm", "scenario", "quantity", "days", "yours (%)", "predicted (%)", "yours minus predicted"]) head.append(tag("th", { scope: "col" }, label));
  made.replaceChildren(head);
  for (const row of rows) {
    const line = tag("tr"), hundred = (x) => (x === null ? null : 100 * x);
    line.append(tag("th", { scope: "row" }, row.arm), tag("td", {}, row.scenario), tag("td", {}, QUANTITY[row.quantity]), tag("td", {}, `${text(row.start_day)} to ${text(row.end_day)}`));
    line.append(tag("td", {}, `${text(hundred(row.observed))}${row.sem === null ? "" : ` ± ${text(hundred(row.sem), 2)}`}`));
    line.append(tag("td", {}, row.predicted === null ? "no such interval" : interval({ estimate: hundred(row.predicted), low: hundred(row.low), high: hundred(row.high) }, "")));
    const apart = row.allowed !== null && Math.abs(row.difference) > row.allowed;
    const word = row.allowed === null ? "" : apart ? ` (apart: ${text(hundred(row.allowed), 2)} is allowed)` : " (agrees)";
    line.append(tag("td", { class: row.allowed === null ? "" : apart ? "apart" : "agrees" }, row.difference === null ? "–" : text(hundred(row.difference)) + word));
    made.append(line);
  }
}

// -- handing on -------------------------------------------------------------------------------------------------

async function hand() {
  if (!page.exact) return;
  try {
    page.texts = await (await send("texts", JSON.stringify(page.exact))).json();
    page.texts.draws = page.exact.draws;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return;
  }
  showText();
}

function showText() {
  if (!page.texts) return;
  const [kind, k] = $("text-kind").value.split("-");
  $("text").textContent = kind === "toml" ? page.texts.toml[Number(k)].text : page.texts[kind];
}

async function download(kind) {
  try {
    const blob = await (await send(kind, JSON.stringify(page.exact), "?slow=1")).blob();
    const link = tag("a", { href: URL.createObjectURL(blob), download: kind === "csv" ? "explored.csv" : "explored.nc" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    fault(error.message);
  }
}

async function copy() {
  const content = $("text").textContent;
  try {
    await navigator.clipboard.writeText(content);
    $("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren($("text"));
    $("copied").textContent = "Selected: copy it with Ctrl-C.";
  }
  setTimeout(() => { $("copied").textContent = ""; }, 4000);
}

// -- begin ------------------------------------------------------------------------------------------------------

function listen() {
  $("theme").addEventListener("change", () => { const theme = $("theme").value; if (theme === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = theme; });
  $("window").addEventListener("change", changed);
  $("text-kind").addEventListener("change", showText);
  $("copy").addEventListener("click", copy);
  for (const kind of ["csv", "netcdf"]) $(kind).addEventListener("click", () => download(kind));
  $("file").addEventListener("change", () => { if ($("file").files.length) own($("file").files[0]); });
  const drop = $("drop");
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  drop.addEventListener("drop", (event) => { if (event.dataTransfer.files.length) own(event.dataTransfer.files[0]); });
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault()); // a file dropped elsewhere does not leave the page
  $("own-sessions").addEventListener("click", () => { for (const each of page.controls) each.useSessions(page.own.sessions); changed(); });
  $("own-remove").addEventListener("click", () => { page.own = null; $("file").value = ""; offerOwn(); changed(); $("file").focus(); });
}

async function begin() {
  listen();
  let catalogue;
  try {
    catalogue = await (await send("catalogue")).json();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    fault(error.message);
    return;
  }
  LETTERS.forEach((letter, k) => {
    const controls = new Controls($(`scenario-${letter}`), letter, catalogue, catalogue.start[k], changed);
    controls.copy = () => controls.take(page.controls[1 - k]);
    page.controls.push(controls);
  });
  say("Computing …");
  changed();
}

begin();
