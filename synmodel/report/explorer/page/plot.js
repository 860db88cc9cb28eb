// Draws one panel as SVG: curves with bands, points with bars, doses; and says in words what it shows.
const NS = "http://www.w3.org/2000/svg";
const W = 340, H = 215, LEFT = 46, RIGHT = 8, TOP = 12, BOTTOM = 34;
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 2"];
const VEHICLE = "2 3";
const MARKS = ["circle", "square", "diamond", "up"];

export function text(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const shown = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return shown.replace("-", "−");
}

export function node(name, attributes = {}, content = null) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (content !== null) made.textContent = content;
  return made;
}

export function tag(name, attributes = {}, content = null) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (content !== null) made.textContent = content;
  return made;
}

// Days: what follows a far last session's gap is compressed, as in the figures of the command line.
function dayScale(first, last, sessions) {
  const inner = [...new Set(sessions)].sort((a, b) => a - b).slice(0, -1);
  const before = inner.length ? inner[inner.length - 1] : last;
  if (last - first > 15 && last - before > 0.5 * (last - first)) {
    const at = before + Math.min(3, 0.15 * (last - before)), share = 0.8;
    return { broken: at, map: (x) => (x <= at ? (share * (x - first)) / (at - first) : share + ((1 - share) * (x - at)) / (last - at)) };
  }
  return { broken: null, map: (x) => (x - first) / (last - first || 1) };
}

function niceTicks(low, high, n) {
  const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw) || power;
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9 * step; tick += step) ticks.push(Math.abs(tick) < 1e-12 ? 0 : tick);
  return ticks;
}

function xAxis(panel, about) {
  const sessions = about.flatMap((each) => each.sessions);
  if (panel.x_unit === "hour") {
    const [low, high] = panel.x_range;
    return { low, high, map: (x) => (x - low) / (high - low), ticks: niceTicks(low, high, 5), label: "hours after the first dose", broken: null };
  }
  const low = Math.min(...sessions), high = Math.max(...sessions);
  const scale = dayScale(low, high, sessions);
  const wanted = [...new Set(sessions)].sort((a, b) => a - b);
  const ticks = [];
  let taken = -1;
  for (const day of wanted) {
    const at = scale.map(day);
    if (at - taken >= 0.085 && (day === high || scale.map(high) - at >= 0.085)) { ticks.push(day); taken = at; }
    else if (day === high) ticks.push(day);
  }
  return { low, high, ...scale, ticks, label: "day (imaging sessions)" };
}

function yAxis(panel) {
  const values = [];
  for (const each of panel.series) values.push(...each.y, ...each.low, ...each.high);
  for (const each of panel.points) values.push(each.mean - (each.sem || 0), each.mean + (each.sem || 0));
  const known = values.filter(Number.isFinite);
  if (panel.scale === "log") {
    const high = Math.max(...known.filter((x) => x > 0), 1e-12) * 1.5;
    const peaks = panel.series.map((each) => Math.max(...each.y)).filter((x) => x > 0);
    const low = Math.min(...peaks, high) * 0.02;
    const range = Math.log10(high / low), ticks = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) ticks.push(10 ** power);
    return { low, high, map: (y) => Math.log10(Math.max(y, low * 1e-3) / low) / range, ticks };
  }
  // A band may be far wider than the curves are high: it is cut, so that they can be seen.
  const highest = Math.max(...panel.series.flatMap((each) => each.y.filter(Number.isFinite)), ...panel.points.map((each) => each.mean), panel.level ?? -Infinity);
  if (panel.cut) for (let i = 0; i < known.length; i++) known[i] = Math.min(known[i], panel.cut * highest);
  let low = Math.min(...known, panel.level ?? Infinity), high = Math.max(...known, panel.level ?? -Infinity);
  if (panel.low !== null) low = Math.min(panel.low, low);
  const room = 0.06 * (high - low) || 1;
  high += room;
  if (panel.low === null || low < panel.low) low -= room;
  return { low, high, map: (y) => (y - low) / (high - low), ticks: niceTicks(low, high, 4) };
}

function path(xs, ys, kind, starts, X, Y) {
  if (kind === "intervals") return xs.map((x, i) => `M${X(starts[i])} ${Y(ys[i])}H${X(x)}`).join("");
  let made = "", pen = "M";
  xs.forEach((x, i) => { if (Number.isFinite(ys[i])) { made += `${pen}${X(x)} ${Y(ys[i])}`; pen = "L"; } else pen = "M"; });
  return made;
}

function band(series, kind, X, Y) {
  const { x, low, high } = series;
  if (kind === "intervals") return x.map((end, i) => `M${X(series.start[i])} ${Y(low[i])}H${X(end)}V${Y(high[i])}H${X(series.start[i])}Z`).join("");
  const there = x.map((each, i) => i).filter((i) => Number.isFinite(low[i]) && Number.isFinite(high[i]));
  if (!there.length) return "";
  return "M" + there.map((i) => `${X(x[i])} ${Y(high[i])}`).join("L") + "L" + there.reverse().map((i) => `${X(x[i])} ${Y(low[i])}`).join("L") + "Z";
}

function mark(kind, x, y, attributes) {
  const r = 3.6;
  if (kind === "square") return node("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, ...attributes });
  if (kind === "diamond") return node("path", { d: `M${x} ${y - 4.8}L${x + 4.8} ${y}L${x} ${y + 4.8}L${x - 4.8} ${y}Z`, ...attributes });
  if (kind === "up") return node("path", { d: `M${x} ${y - 4.6}L${x + 4.4} ${y + 3.4}H${x - 4.4}Z`, ...attributes });
  return node("circle", { cx: x, cy: y, r, ...attributes });
}

function withFirst(series) {
  // A course of states begins at the first session with no change.
  return { ...series, x: [series.start[0], ...series.x], y: [0, ...series.y], low: series.low.length ? [0, ...series.low] : [], high: series.high.length ? [0, ...series.high] : [] };
}

export function describe(panel, about) {
  const parts = panel.series.filter((each) => each.y.length && !each.name.includes("without")).map((each) => {
    const letter = about[each.scenario].letter, name = each.name.startsWith(letter) ? each.name : `${letter} ${each.name}`;
    const base = panel.level ?? 0;
    let at = 0;
    each.y.forEach((y, i) => { if (Math.abs(y - base) > Math.abs(each.y[at] - base)) at = i; });
    const ends = each.low.length ? ` (${text(each.low[at])} to ${text(each.high[at])})` : "";
    const word = panel.level === 1 && each.y[at] < 1 ? "lowest" : "largest";
    const when = panel.kind === "intervals" ? `day ${text(each.start[at])} to ${text(each.x[at])}` : `${panel.x_unit} ${text(each.x[at])}`;
    return `${name}: ${word} ${text(each.y[at])} ${panel.unit}${ends} at ${when}`;
  });
  const points = panel.points.length ? ` ${panel.points.length} measured means.` : "";
  return parts.length ? parts.join("; ") + "." + points : "Nothing to show." + points;
}

function frame(svg, x, y, panel, X, Y) {
  for (const tick of y.ticks) {
    svg.append(node("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: Y(tick), y2: Y(tick) }));
    svg.append(node("text", { x: LEFT - 5, y: Y(tick) + 4, "text-anchor": "end" }, text(tick)));
  }
  for (const tick of x.ticks) {
    svg.append(node("line", { class: "axis", x1: X(tick), x2: X(tick), y1: H - BOTTOM, y2: H - BOTTOM + 4 }));
    svg.append(node("text", { x: X(tick), y: H - BOTTOM + 15, "text-anchor": "middle" }, text(tick)));
  }
  svg.append(node("line", { class: "axis", x1: LEFT, x2: W - RIGHT, y1: H - BOTTOM, y2: H - BOTTOM }));
  if (x.broken !== null) svg.append(node("text", { x: X(x.broken), y: H - BOTTOM + 4, "text-anchor": "middle" }, "//"));
  svg.append(node("text", { x: (LEFT + W - RIGHT) / 2, y: H - 3, "text-anchor": "middle" }, x.label));
  if (panel.level !== null && y.low < panel.level && panel.level < y.high) svg.append(node("line", { class: "level", x1: LEFT, x2: W - RIGHT, y1: Y(panel.level), y2: Y(panel.level) }));
}

function doses(svg, about, x, X) {
  about.forEach((each, k) => {
    for (const day of [...new Set(each.doses.flatMap((dose) => dose.days))]) {
      if (day < x.low || day > x.high) continue;
      const at = X(day), foot = TOP + 1 + 7 * k;
      svg.append(node("path", { class: `dose s${k}`, d: `M${at - 4} ${foot}H${at + 4}L${at} ${foot + 7}Z` }));
    }
  });
}

// The svg of a panel; own points have a `mark` number and the letter of the scenario that they stand beside.
export function draw(panel, about) {
  const svg = node("svg", { class: "plot", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${panel.title}. ${describe(panel, about)}` });
  const shown = panel.series.some((each) => each.y.length) || panel.points.length;
  const x = xAxis(panel, about), y = shown ? yAxis(panel) : { low: 0, high: 1, map: (v) => v, ticks: [] };
  const X = (v) => Math.round(10 * (LEFT + x.map(v) * (W - LEFT - RIGHT))) / 10;
  const Y = (v) => Math.round(10 * Math.min(Math.max(H - BOTTOM - y.map(v) * (H - TOP - BOTTOM), -200), H + 200)) / 10;
  frame(svg, x, y, panel, X, Y);
  const clip = `clip-${panel.id}`, area = node("g", { "clip-path": `url(#${clip})` });
  const cut = node("clipPath", { id: clip });
  cut.append(node("rect", { x: LEFT - 2, y: 0, width: W - LEFT - RIGHT + 4, height: H - BOTTOM + 1 }));
  svg.append(cut, area);
  if (!shown) svg.append(node("text", { class: "nothing", x: (LEFT + W) / 2, y: H / 2, "text-anchor": "middle" }, "no drug acts here"));
  const ready = panel.series.filter((each) => each.y.length).map((each) => (panel.kind === "sessions" ? withFirst(each) : each));
  for (const each of ready) if (each.low.length) area.append(node("path", { class: `band s${each.scenario}`, d: band(each, panel.kind, X, Y) }));
  for (const each of ready) {
    const isVehicle = each.name.includes("without drug");
    area.append(node("path", { class: `curve s${each.scenario}${isVehicle ? " vehicle" : ""}`, "stroke-dasharray": isVehicle ? VEHICLE : DASHES[each.dash % DASHES.length], d: path(each.x, each.y, panel.kind, each.start, X, Y) }));
  }
  if (panel.x_unit === "day") doses(svg, about, x, X);
  for (const point of panel.points) {
    const isOwn = point.mark !== undefined, side = isOwn ? 5 : 2.5 * (2 * point.scenario - 1);
    const at = (panel.kind === "intervals" ? (X(point.start_day) + X(point.end_day)) / 2 : X(point.end_day)) + side;
    if (point.end_day < x.low || point.end_day > x.high) continue;
    const kind = isOwn ? `own` : `point s${point.scenario}${point.is_baseline ? "" : " open"}`;
    if (point.sem !== null) area.append(node("line", { class: kind, x1: at, x2: at, y1: Y(point.mean - point.sem), y2: Y(point.mean + point.sem) }));
    const drawn = mark(isOwn ? MARKS[1 + (point.mark % 3)] : "circle", at, Y(point.mean), { class: kind });
    drawn.append(node("title", {}, `${isOwn ? point.arm : `${point.study}, ${point.arm}`}: ${text(point.mean)} ${panel.unit}`));
    area.append(drawn);
  }
  return svg;
}

// A sample of a line or a mark, for a key.
export function swatch(kind, point, dash = "") {
  const made = node("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" });
  made.append(point ? mark(point, 12, 5, { class: kind }) : node("line", { class: kind, x1: 0, x2: 24, y1: 5, y2: 5, "stroke-dasharray": dash }));
  return made;
}

export function key(panel, about) {
  const list = tag("ul", { class: "key" }), seen = new Set();
  const add = (sample, label) => {
    if (seen.has(label)) return;
    seen.add(label);
    const item = tag("li");
    item.append(sample, label);
    list.append(item);
  };
  for (const each of panel.series) {
    if (!each.y.length) continue;
    const letter = about[each.scenario].letter, isVehicle = each.name.includes("without drug");
    add(swatch(`curve s${each.scenario}${isVehicle ? " vehicle" : ""}`, null, isVehicle ? VEHICLE : DASHES[each.dash % DASHES.length]), each.name.startsWith(letter) ? each.name : `${letter} ${each.name}`);
  }
  for (const point of panel.points) if (point.mark !== undefined) add(swatch("own", MARKS[1 + (point.mark % 3)]), `your ${point.arm}`);
  return list;
}

export function table(panel, about) {
  const made = tag("table"), head = tag("tr");
  for (const label of ["curve", panel.kind === "curves" ? panel.x_unit : "days", `estimate (${panel.unit})`, "95 % interval"]) head.append(tag("th", { scope: "col" }, label));
  made.append(head);
  for (const each of panel.series) {
    const step = panel.kind === "curves" ? Math.max(1, Math.floor(each.x.length / 12)) : 1;
    for (let i = 0; i < each.x.length; i += step) {
      const row = tag("tr"), letter = about[each.scenario].letter;
      row.append(tag("th", { scope: "row" }, each.name.startsWith(letter) ? each.name : `${letter} ${each.name}`));
      row.append(tag("td", {}, panel.kind === "intervals" ? `${text(each.start[i])} to ${text(each.x[i])}` : text(each.x[i])));
      row.append(tag("td", {}, text(each.y[i])), tag("td", {}, each.low.length ? `${text(each.low[i])} to ${text(each.high[i])}` : "–"));
      made.append(row);
    }
  }
  for (const point of panel.points) {
    const row = tag("tr");
    row.append(tag("th", { scope: "row" }, point.mark !== undefined ? `your ${point.arm}` : `${point.study}, ${point.arm}`));
    row.append(tag("td", {}, `${text(point.start_day)} to ${text(point.end_day)}`), tag("td", {}, text(point.mean)), tag("td", {}, point.sem === null ? "–" : `± ${text(point.sem)} SEM`));
    made.append(row);
  }
  return made;
}
