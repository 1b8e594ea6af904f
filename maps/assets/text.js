// Texts, numbers and DOM nodes. Every text reaches the page through textContent only: names are data.

const data = JSON.parse(document.getElementById("phusong-data").textContent);
const state = {
  lang: data.lang,
  theme: data.indicators.length ? "indicator" : data.coverage.length ? "coverage" : data.travel.length ? "travel" : "terrain",
  indicator: Math.max(0, data.indicators.findIndex((i) => i.id === data.first_indicator)),
  coverage: 0,
  travel: 0,
  shown: {
    units: true, districts: true, labels: true, gap_units: true,
    villages: false, postal_points: false, sites: false, service: true, gap_villages: true, other_villages: false, plan: true,
  },
};

/** The text of a code in the reader's language, its {names} filled. */
function say(code, params = {}) {
  const text = data.texts[state.lang][code] ?? code;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

const ui = (name, params) => say(`ui.${name}`, params);
const word = (name) => data.texts[state.lang][`word.${name}`] ?? name;
const inLang = (both) => both[state.lang];

function number(value, digits) {
  const size = Math.abs(value);
  const fraction = digits ?? (size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return new Intl.NumberFormat(state.lang, { maximumFractionDigits: fraction }).format(value).replace("-", "\u2212");
}

/** A value as the reader sees it, by the kind of its field; no data is said, never 0; a word may stand for a number. */
function valueText(value, field) {
  if (value === null || value === undefined || value === "") return ui("no_data");
  if (field.kind === "yes_no") return ui(value ? "yes" : "no");
  if (field.kind === "word") return word(value);
  if (field.kind === "words") return value.length ? value.map(word).join(", ") : ui("none");
  if (field.kind !== "number") return String(value);
  if (typeof value === "string") return ui(value);
  const unit = inLang(field.unit);
  if (!unit) return number(value);
  return `${number(value)}\u00a0${unit}`;
}

/** What figures rest on, a line each: the radio model, ways over the ground, the ways people were placed. */
function notesOf({ modelled, placed, travelled }, methods = data.methods) {
  const ground = travelled && inLang(data.travelled) ? ui("travelled", { ground: inLang(data.travelled) }) : null;
  return [modelled ? ui("modelled") : null, ground, ...(placed ? methods : []).map((method) => say(`method.${method}`))].filter(Boolean);
}

const noteLines = (notes) => notes.map((note) => el("p", { class: "note" }, note));

/** Letters without tones and marks, lower case, đ as d: "Hướng Hóa" is "huong hoa". */
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase().replace(/\s+/g, " ").trim();
}

/** A node: attributes by name, "on..." are listeners, children are nodes or texts; null children are left out. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
