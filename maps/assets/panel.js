// The panel beside the map: language, search, theme, layers, lists. Built anew when the language changes.

function buildPanel(actions) {
  document.documentElement.lang = state.lang;
  document.title = data.title;
  const banner = document.getElementById("banner");
  banner.hidden = !data.synthetic;
  banner.textContent = ui("synthetic");
  const body = el("div", { class: "body", id: "panel-body" },
    themeSection(actions), layersSection(actions), worstSection(actions), planSection(actions), sourcesSection());
  const panel = document.getElementById("panel");
  panel.setAttribute("aria-label", ui("panel"));
  panel.replaceChildren(headSection(actions), body);
}

function headSection(actions) {
  const languages = [["vi", "Tiếng Việt"], ["en", "English"]].map(([lang, name]) =>
    el("button", {
      type: "button", id: `lang-${lang}`, lang, title: name, "aria-label": name,
      "aria-pressed": String(state.lang === lang), onclick: () => actions.setLang(lang),
    }, lang.toUpperCase()));
  const open = document.body.classList.contains("panel-open");
  const toggle = el("button", {
    type: "button", id: "panel-toggle", "aria-controls": "panel-body", "aria-expanded": String(open),
    "aria-label": ui(open ? "panel_hide" : "panel_show"), onclick: actions.togglePanel,
  }, "☰");
  return el("header", { class: "head" },
    el("div", { class: "title" },
      el("h1", {}, data.title),
      el("div", { class: "languages", role: "group", "aria-label": ui("language") }, languages), toggle),
    inLang(data.as_of) ? el("p", { class: "as-of" }, ui("as_of", { date: inLang(data.as_of) })) : null,
    searchBox(actions));
}

const places = [
  ...data.units.map((unit, row) => ({ kind: "unit", name: unit.name, under: unit.district, row })),
  ...data.districts.map((district) => ({ kind: "district", name: district.name, under: null, district })),
  ...(data.points.villages?.rows ?? []).map((point) => ({ kind: "village", name: point.name, under: point.unit, point })),
].map((place) => ({ ...place, key: fold(place.name) }));

/** Places whose name holds the asked letters: whole names first, then beginnings, words, any part. */
function findPlaces(asked, limit = 12) {
  const key = fold(asked);
  if (!key) return [];
  const order = { district: 0, unit: 1, village: 2 };
  const fit = (place) =>
    place.key === key ? 0 : place.key.startsWith(key) ? 1 : place.key.includes(` ${key}`) ? 2 : place.key.includes(key) ? 3 : 9;
  return places.map((place) => ({ place, fit: fit(place) })).filter((found) => found.fit < 9)
    .sort((a, b) => a.fit - b.fit || order[a.place.kind] - order[b.place.kind] || a.place.name.localeCompare(b.place.name, "vi"))
    .slice(0, limit).map((found) => found.place);
}

function searchBox(actions) {
  const list = el("ul", { id: "found", role: "listbox", "aria-label": ui("search"), hidden: true });
  const status = el("div", { class: "sr-only", role: "status" });
  let found = [];
  let active = -1;
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    input.value = place.name;
    close();
    actions.goTo(place);
  };
  const mark = (next) => {
    active = next;
    [...list.children].forEach((node, i) => node.setAttribute("aria-selected", String(i === active)));
    if (active >= 0) input.setAttribute("aria-activedescendant", list.children[active].id);
  };
  const update = () => {
    found = findPlaces(input.value);
    const rows = found.map((place, i) =>
      el("li", { role: "option", id: `found-${i}`, "aria-selected": "false", onmousedown: (e) => e.preventDefault(), onclick: () => choose(place) },
        el("span", {}, place.name), el("small", {}, [ui(`kind_${place.kind}`), place.under].filter(Boolean).join(" · "))));
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "none" }, ui("search_none"))]));
    list.hidden = !input.value.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    status.textContent = list.hidden ? "" : found.length ? ui("search_count", { count: found.length }) : ui("search_none");
    active = -1;
  };
  const onKey = (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && found.length) choose(found[Math.max(active, 0)]);
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
      event.preventDefault();
      mark((active + (event.key === "ArrowDown" ? 1 : found.length - (active < 0 ? 0 : 1))) % found.length);
    }
  };
  const input = el("input", {
    id: "search", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false",
    placeholder: ui("search"), "aria-label": `${ui("search")}. ${ui("search_hint")}`, "aria-controls": "found",
    "aria-expanded": "false", "aria-autocomplete": "list", oninput: update, onfocus: update, onblur: close, onkeydown: onKey,
  });
  return el("div", { class: "search" }, input, list, status);
}

function themeSection(actions) {
  const themes = [
    data.indicators.length ? "indicator" : null, data.coverage.length ? "coverage" : null,
    data.travel.length ? "travel" : null, "terrain",
  ].filter(Boolean);
  const radios = themes.map((theme) =>
    el("label", {},
      el("input", { type: "radio", name: "theme", value: theme, checked: state.theme === theme, onchange: () => actions.setTheme(theme) }),
      el("span", {}, ui(`theme_${theme}`))));
  return el("section", {}, el("h2", { id: "theme-title" }, ui("theme")),
    el("div", { class: "segments", role: "radiogroup", "aria-labelledby": "theme-title" }, radios),
    state.theme === "indicator" ? indicatorChoice(actions) : null,
    state.theme === "coverage" ? coverageChoice(actions) : null,
    state.theme === "travel" ? travelChoice(actions) : null);
}

function indicatorChoice(actions) {
  const groups = new Map();
  data.indicators.forEach((indicator, i) => {
    if (!groups.has(indicator.group)) groups.set(indicator.group, []);
    groups.get(indicator.group).push(el("option", { value: i, selected: i === state.indicator }, inLang(indicator.label)));
  });
  const select = el("select", { id: "indicator", onchange: (e) => actions.setIndicator(+e.target.value) },
    [...groups].map(([group, options]) => el("optgroup", { label: say(`group.${group}`) }, options)));
  return el("label", { class: "choice" }, el("span", {}, ui("indicator")), select);
}

function coverageChoice(actions) {
  const radios = data.coverage.map((coverage, i) =>
    el("label", {},
      el("input", { type: "radio", name: "coverage", value: coverage.technology, checked: state.coverage === i, onchange: () => actions.setCoverage(i) }),
      el("span", {}, coverage.technology)));
  return el("div", { class: "choice" }, el("span", { id: "technology-title" }, ui("technology")),
    el("div", { class: "segments", role: "radiogroup", "aria-labelledby": "technology-title" }, radios));
}

function travelChoice(actions) {
  const options = data.travel.map((travel, i) => el("option", { value: i, selected: i === state.travel }, inLang(travel.label)));
  return el("label", { class: "choice" }, el("span", {}, ui("travel_to")),
    el("select", { id: "travel", onchange: (e) => actions.setTravel(+e.target.value) }, options));
}

function layersSection(actions) {
  const ids = ["gap_units", "gap_villages", "other_villages", "plan", "service", "sites", "postal_points", "villages", "units", "districts", "labels"];
  const there = (id) =>
    id in data.points || (id === "service" && state.theme === "travel") || id === "units" || id === "labels" || (id === "gap_units" && data.gap_units) || (id === "districts" && data.districts.length);
  const rows = ids.filter(there).map((id) =>
    el("label", {},
      el("input", { type: "checkbox", id: `layer-${id}`, checked: state.shown[id], onchange: (e) => actions.setShown(id, e.target.checked) }),
      swatch(id), el("span", {}, ui(`layer_${id}`)), countOf(id)));
  return el("section", {}, el("h2", {}, ui("layers")), el("div", { class: "layers" }, rows));
}

function countOf(id) {
  const count = id === "gap_units" ? data.units.filter((unit) => unit.gap).length
    : (id === "service" ? data.travel[state.travel] : data.points[id])?.rows.length;
  return count === undefined ? null : el("small", {}, number(count));
}

function listSection(title, rows) {
  return rows.length ? el("details", { class: "list" }, el("summary", {}, title), el("ol", {}, rows)) : null;
}

function listRow(rank, name, under, onclick) {
  return el("li", {}, el("button", { type: "button", onclick }, el("b", {}, number(rank)), el("span", {}, name), el("small", {}, under)));
}

function worstSection(actions) {
  const worst = data.units.map((unit, row) => ({ unit, row })).filter(({ unit }) => unit.gap)
    .sort((a, b) => a.unit.gap.rank - b.unit.gap.rank).slice(0, 10);
  const under = ({ gap, district }) => [district,
    gap.people_affected === undefined || gap.people_affected === null ? null : ui("affected", { count: number(gap.people_affected) })]
    .filter(Boolean).join(" · ");
  return listSection(ui("worst"), worst.map(({ unit, row }) =>
    listRow(unit.gap.rank, unit.name, under(unit), () => actions.goTo({ kind: "unit", row }))));
}

function planSection(actions) {
  const layer = data.points.plan;
  if (!layer) return null;
  const people = layer.fields.findIndex((field) => field.id === "people_new");
  const cost = layer.fields.findIndex((field) => field.id === "cost_vnd");
  const under = (point) => [people < 0 || point.values[people] === null ? null : ui("people_new", { count: number(point.values[people]) }),
    cost < 0 ? null : valueText(point.values[cost], layer.fields[cost])].filter(Boolean).join(" · ");
  return listSection(ui("plan_list"), layer.rows.map((point) =>
    listRow(point.rank, point.name, under(point), () => actions.goTo({ kind: "plan", point }))));
}

function sourcesSection() {
  const notes = notesOf({ modelled: data.coverage.length, travelled: true, placed: true });
  if (!data.sources.length && !notes.length) return null;
  return el("footer", {}, el("h2", {}, ui("sources")), [...notes, ...data.sources].map((line) => el("p", {}, unbroken(line))));
}

/** The words of a line, a date at its end in one piece. */
function unbroken(line) {
  const parts = /^(.*\s)(\([^()]*\))$/.exec(line);
  return parts ? [parts[1], el("span", { class: "whole" }, parts[2])] : line;
}
