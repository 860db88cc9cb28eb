// The controls of one scenario: each edits a field of its document, as a TOML file would hold it.
import { tag, text } from "./plot.js";

const LOW = -2, HIGH = 3; // powers of ten of the slider of a dose
const copyOf = (value) => JSON.parse(JSON.stringify(value));

// A number as it was typed; text that is none goes on to the reader, whose line says what is wrong with it.
function typed(value) {
  const trimmed = value.trim().replace("−", "-").replace(",", ".");
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : value;
}

function options(select, entries, chosen) {
  const known = entries.map(([value]) => value);
  const all = known.includes(chosen) || chosen === undefined ? entries : [[chosen, chosen], ...entries];
  for (const [value, label] of all) {
    const option = tag("option", { value }, label);
    option.selected = value === chosen;
    select.append(option);
  }
}

export class Controls {
  constructor(section, letter, catalogue, start, changed) {
    Object.assign(this, { section, letter, catalogue, changed, open: new Set() });
    this.begin(start);
  }

  begin(start) {
    this.start = start;
    this.document = copyOf(this.catalogue.scenarios[start].document);
    this.build();
  }

  take(other) {
    this.start = other.start;
    this.document = copyOf(other.document);
    this.build();
    this.changed();
  }

  get state() { return { start: this.start, document: this.document }; }
  get doses() { return (this.document.regimen ??= {}).doses ??= []; }

  // A control with its label; `path` is the place in the document by which a fault finds it.
  field(key, label, control, path, parent) {
    const id = `${this.letter}-${key}`;
    control.id = id;
    if (path) control.dataset.path = path;
    const box = tag("div", { class: "wide" });
    box.append(tag("label", { for: id }, label), control);
    parent.append(box);
    return control;
  }

  select(key, label, entries, chosen, path, parent, done) {
    const control = tag("select");
    options(control, entries, chosen);
    control.addEventListener("change", () => { done(control.value); });
    return this.field(key, label, control, path, parent);
  }

  number(key, label, value, path, parent, done, attributes = {}) {
    const control = tag("input", { type: "text", inputmode: "decimal", autocomplete: "off", ...attributes });
    control.value = value === undefined || value === null ? "" : String(value);
    control.addEventListener("input", () => { done(typed(control.value), control.value.trim() === ""); this.changed(); });
    return this.field(key, label, control, path, parent);
  }

  // Build again what the document says; the focus stays where it was.
  build() {
    const focused = document.activeElement && this.section.contains(document.activeElement) ? document.activeElement.id : null;
    for (const each of this.section.querySelectorAll("details")) each.open ? this.open.add(each.dataset.name) : this.open.delete(each.dataset.name);
    this.section.replaceChildren();
    const heading = tag("h2", { id: `heading-${this.letter}` }, `Scenario ${this.letter}`);
    this.title = tag("p", { class: "title", id: `title-${this.letter}` });
    this.section.append(heading, this.title);
    const titles = Object.entries(this.catalogue.scenarios).map(([name, each]) => [name, each.title || name]);
    this.select("start", "Start from", titles, this.start, null, this.section, (name) => { this.begin(name); this.changed(); });
    this.doses.forEach((dose, at) => this.dose(dose, at));
    const row = tag("div", { class: "buttons" });
    const button = (name, label, act) => {
      const made = tag("button", { type: "button", id: `${this.letter}-${name}` }, label);
      made.addEventListener("click", act);
      row.append(made);
    };
    button("antagonist", "Add an antagonist", () => this.add(this.usualAntagonist()));
    button("dose", "Add a dose", () => this.add(this.usualDose()));
    button("copy", `Copy ${this.letter === "A" ? "B" : "A"} here`, () => this.copy());
    this.section.append(row);
    this.subject();
    this.conditions();
    this.sessions();
    if (focused) document.getElementById(focused)?.focus();
  }

  rebuild() { this.build(); this.changed(); }

  details(name, label) {
    const made = tag("details", { "data-name": name });
    made.open = this.open.has(name);
    made.append(tag("summary", {}, label));
    this.section.append(made);
    return made;
  }

  get species() { return this.document.subject?.species ?? "mouse"; }

  usualOf(compound) {
    const entry = this.catalogue.compounds[compound];
    const usual = entry.usual[this.species] ?? Object.values(entry.usual)[0] ?? { amount: 1, unit: "mg/kg", route: "i.p." };
    const routes = this.routesOf(compound);
    return { ...usual, route: routes.includes(usual.route) || !routes.length ? usual.route : routes[routes.length - 1] };
  }

  routesOf(compound) {
    const entry = this.catalogue.compounds[compound];
    return entry ? entry.routes[this.species] ?? Object.values(entry.routes)[0] ?? [] : [];
  }

  // A route that the species has no kinetics for becomes one that it has; amounts stay.
  suitRoutes() {
    for (const dose of this.doses) {
      const routes = this.catalogue.compounds[dose.compound]?.routes[this.species] ?? [];
      if (!routes.length || routes.includes(dose.route)) continue;
      dose.route = this.usualOf(dose.compound).route;
      if (dose.route !== "i.v.") delete dose.duration_min;
    }
  }

  usualAntagonist() {
    const name = Object.keys(this.catalogue.compounds).find((each) => this.catalogue.compounds[each].is_antagonist);
    return { compound: name, ...this.usualOf(name), day: -0.006944 };
  }

  usualDose() {
    const name = this.doses.find((each) => !this.catalogue.compounds[each.compound]?.is_antagonist)?.compound ?? "psilocybin";
    const last = Math.max(...this.doses.map((each) => each.day ?? 0), -7);
    return { compound: name, ...this.usualOf(name), day: this.doses.length ? Math.round(last) + 7 : 0 };
  }

  add(dose) {
    if (dose.compound === undefined) return;
    this.doses.push(dose);
    this.rebuild();
    document.getElementById(`${this.letter}-compound-${this.doses.length - 1}`)?.focus();
  }

  dose(dose, at) {
    const path = `regimen.doses[${at}]`, entry = this.catalogue.compounds[dose.compound];
    const box = tag("fieldset");
    box.append(tag("legend", {}, entry?.is_antagonist ? "Antagonist" : entry?.is_vehicle ? "Vehicle" : this.isFirstDrug(at) ? "Drug" : `Drug, dose ${at + 1}`));
    const compounds = Object.entries(this.catalogue.compounds).map(([name, each]) => [name, `${name} (${each.kind}${each.is_vehicle || each.routes[this.species] ? "" : `; no kinetics in the ${this.species}`})`]);
    this.select(`compound-${at}`, "Compound", compounds, dose.compound, `${path}.compound`, box, (name) => {
      Object.assign(dose, { compound: name, ...this.usualOf(name) });
      if (dose.route !== "i.v.") delete dose.duration_min;
      this.rebuild();
    });
    this.amount(dose, at, path, box);
    const pair = tag("div", { class: "pair" });
    box.append(pair);
    const routes = this.routesOf(dose.compound);
    this.select(`route-${at}`, "Route", (routes.length ? routes : [dose.route]).map((each) => [each, each]), dose.route, `${path}.route`, pair, (route) => {
      dose.route = route;
      if (route !== "i.v.") delete dose.duration_min;
      this.rebuild();
    });
    const day = dose.day ?? 0;
    this.number(`hours-${at}`, "Given at (hours)", Number((24 * day).toFixed(3)), `${path}.day`, pair, (value) => { dose.day = typeof value === "number" ? value / 24 : value; }, { title: "Hours since day 0; before it with a minus sign" });
    const repeat = this.number(`repeat-${at}`, "Number of doses", dose.repeat ?? 1, `${path}.repeat`, pair, (value) => { dose.repeat = value; every.disabled = !(value > 1); });
    const every = this.number(`every-${at}`, "One every (days)", dose.every_days ?? 1, `${path}.every_days`, pair, (value) => { dose.every_days = value; });
    every.disabled = !(dose.repeat > 1);
    repeat.setAttribute("inputmode", "numeric");
    if (dose.route === "i.v.") this.number(`duration-${at}`, "Infused over (min)", dose.duration_min ?? 0, `${path}.duration_min`, pair, (value) => { dose.duration_min = value; });
    const remove = tag("button", { type: "button", id: `${this.letter}-remove-${at}`, "aria-label": `Remove ${dose.compound}, dose ${at + 1}` }, "Remove");
    remove.addEventListener("click", () => { this.doses.splice(at, 1); this.rebuild(); document.getElementById(`${this.letter}-dose`)?.focus(); });
    pair.append(remove);
    this.section.append(box);
  }

  isFirstDrug(at) {
    const known = this.catalogue.compounds;
    return this.doses.findIndex((each) => !known[each.compound]?.is_antagonist && !known[each.compound]?.is_vehicle) === at;
  }

  amount(dose, at, path, box) {
    const slider = tag("input", { type: "range", min: LOW, max: HIGH, step: 0.02 });
    const set = () => { slider.value = Math.log10(dose.amount); slider.setAttribute("aria-valuetext", `${text(dose.amount)} ${dose.unit ?? "mg/kg"}`); };
    this.field(`slider-${at}`, "Dose", slider, null, box);
    set();
    const pair = tag("div", { class: "pair" });
    box.append(pair);
    const exact = this.number(`amount-${at}`, "Amount", dose.amount, `${path}.amount`, pair, (value) => { dose.amount = value; if (value > 0) set(); });
    slider.addEventListener("input", () => {
      dose.amount = Number((10 ** Number(slider.value)).toPrecision(3));
      exact.value = String(dose.amount);
      set();
      this.changed();
    });
    this.select(`unit-${at}`, "Unit", [["mg/kg", "mg/kg"], ["mg", "mg"]], dose.unit ?? "mg/kg", `${path}.unit`, pair, (unit) => { dose.unit = unit; set(); this.changed(); });
  }

  subject() {
    const box = this.details("subject", "Subject and tissue"), subject = (this.document.subject ??= {});
    this.select("species", "Species (kinetics)", [["mouse", "mouse"], ["human", "human"]], this.species, "subject.species", box, (value) => { subject.species = value; this.suitRoutes(); this.rebuild(); });
    this.select("genotype", "Genotype", Object.entries(this.catalogue.genotypes).map(([name, title]) => [name, `${name}: ${title}`]), subject.genotype ?? "wild-type", "subject.genotype", box, (value) => { subject.genotype = value; this.changed(); });
    this.number("weight", "Body weight (kg; empty: usual)", subject.weight_kg, "subject.weight_kg", box, (value, empty) => { if (empty) delete subject.weight_kg; else subject.weight_kg = value; });
    this.select("baseline", "Tissue and scoring of the study", Object.entries(this.catalogue.studies), this.document.baseline, "baseline", box, (value) => { this.document.baseline = value; this.changed(); });
  }

  conditions() {
    const box = this.details("conditions", "Stress and treatments"), subject = (this.document.subject ??= {}), regimen = (this.document.regimen ??= {});
    const stress = Object.entries(this.catalogue.stress).map(([name, title]) => [name, `${name}: ${title}`]);
    this.select("stress", "Stress", [["", "none"], ...stress], subject.stress?.name ?? "", "subject.stress", box, (name) => {
      if (name) subject.stress = { ...subject.stress, name }; else delete subject.stress;
      this.rebuild();
    });
    if (subject.stress) this.spell(subject.stress, "stress", "subject.stress", box);
    for (const [name, title] of Object.entries(this.catalogue.treatments)) {
      const list = regimen.treatments ?? [], at = list.findIndex((each) => each.name === name), id = `${this.letter}-treatment-${name.replace(/\W/g, "_")}`;
      const row = tag("div", { class: "spell" }), label = tag("label", { for: id }), check = tag("input", { type: "checkbox", id });
      check.checked = at >= 0;
      check.addEventListener("change", () => {
        if (check.checked) (regimen.treatments ??= []).push({ name });
        else regimen.treatments.splice(regimen.treatments.findIndex((each) => each.name === name), 1);
        this.rebuild();
      });
      label.append(check, ` ${name}: ${title}`);
      row.append(label);
      box.append(row);
      if (at >= 0) this.spell(list[at], `treatment-${at}`, `regimen.treatments[${at}]`, row);
    }
  }

  // Strength of a condition, and from when to when it lasts.
  spell(spell, key, path, parent) {
    const slider = tag("input", { type: "range", min: 0, max: 1, step: 0.05 });
    slider.value = spell.strength ?? 1;
    slider.addEventListener("input", () => { spell.strength = Number(slider.value); slider.setAttribute("aria-valuetext", `strength ${slider.value}`); this.changed(); });
    this.field(`${key}-strength`, `Strength of ${spell.name} (0 to 1)`, slider, `${path}.strength`, parent);
    const pair = tag("div", { class: "pair" });
    parent.append(pair);
    for (const [name, label] of [["from_day", "From day"], ["to_day", "To day"]])
      this.number(`${key}-${name}`, `${label} (empty: always)`, spell[name], `${path}.${name}`, pair, (value, empty) => { if (empty) delete spell[name]; else spell[name] = value; });
  }

  sessions() {
    const box = this.details("sessions", "Imaging sessions"), schedule = (this.document.schedule ??= {});
    const control = tag("input", { type: "text", autocomplete: "off" });
    control.value = schedule.sessions.join(", ");
    control.addEventListener("input", () => { schedule.sessions = control.value.split(/[,;\s]+/).filter(Boolean).map(typed); this.changed(); });
    this.field("sessions", "Days, in rising order", control, "schedule.sessions", box);
    const row = tag("div", { class: "buttons" });
    const offer = (name, label, days) => {
      const made = tag("button", { type: "button", id: `${this.letter}-${name}` }, label);
      made.addEventListener("click", () => { schedule.sessions = days; this.rebuild(); });
      row.append(made);
    };
    offer("week", "Daily for a week", [-1, 0.5, 1, 2, 3, 4, 5, 6, 7]);
    offer("month", "Weekly for five weeks", [-3, -1, 1, 7, 14, 21, 28, 35]);
    box.append(row);
  }

  useSessions(days) { (this.document.schedule ??= {}).sessions = [...days]; this.build(); }

  // Mark the control that a line of the reader speaks of; true if there is one.
  mark(line) {
    for (const each of this.section.querySelectorAll("[aria-invalid]")) { each.removeAttribute("aria-invalid"); each.removeAttribute("aria-errormessage"); }
    if (!line || !line.startsWith(`${this.letter}:`)) return;
    const place = (line.match(/scenario\.([\w.]+(?:\[\d+\][\w.]*)*)/) ?? [])[1] ?? "";
    const controls = [...this.section.querySelectorAll("[data-path]")];
    // The field itself, or that of a table which the line names; or the field in which the place is an entry.
    const found = controls.find((each) => each.dataset.path === place)
      ?? controls.find((each) => place && each.dataset.path.startsWith(place) && new RegExp(`\\b${each.dataset.path.split(".").pop()}\\b`).test(line))
      ?? controls.find((each) => place.startsWith(each.dataset.path));
    found?.setAttribute("aria-invalid", "true");
    found?.setAttribute("aria-errormessage", "fault");
  }
}
