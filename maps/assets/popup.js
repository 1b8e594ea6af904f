// What stands in a popup or a tooltip: nodes, never markup from data.

function factRow(field, value, current = false) {
  return el("tr", { class: current ? "current" : null }, el("th", { scope: "row" }, inLang(field.label)),
    el("td", { class: value === null ? "no-data" : field.kind === "number" ? "number" : null }, valueText(value, field)));
}

const factTable = (rows) => (rows.length ? el("table", {}, el("tbody", {}, rows)) : null);

/** Facts by their group, each under its name and what it rests on; `facts` are [field, value]. */
function factGroups(facts, { opened, current, methods }) {
  const groups = new Map();
  for (const [field, value] of facts) {
    if (!groups.has(field.group)) groups.set(field.group, []);
    groups.get(field.group).push([field, value]);
  }
  return [...groups].map(([group, members]) => {
    const notes = notesOf({
      modelled: members.some(([field]) => field.modelled), travelled: members.some(([field]) => field.travelled),
      placed: group === "people" || members.some(([field]) => field.placed),
    }, methods);
    return el("details", { open: opened(group) }, el("summary", {}, say(`group.${group}`)), noteLines(notes),
      factTable(members.map(([field, value]) => factRow(field, value, field === current))));
  });
}

function reasonList(reasons) {
  const lines = inLang(reasons);
  return lines.length ? el("ul", { class: "reasons" }, lines.map((line) => el("li", {}, line))) : null;
}

function gapBlock(gap) {
  if (!gap) return data.gap_units ? el("p", { class: "fine" }, ui("no_gap")) : null;
  const facts = [];
  if (gap.need_index !== undefined && gap.need_index !== null) facts.push(ui("need", { index: number(gap.need_index) }));
  if (gap.people_affected !== undefined && gap.people_affected !== null) {
    facts.push(ui("affected", { count: number(gap.people_affected) }));
  }
  if (gap.rank_low !== undefined) facts.push(ui("rank_range", { low: number(gap.rank_low), high: number(gap.rank_high) }));
  const [chips, basis] = [gap.classes ?? [], gap.basis ?? []];
  return el("section", { class: "gap" },
    el("strong", {}, ui("gap_title", { rank: gap.rank })),
    facts.length ? el("div", { class: "facts" }, facts.join(" · ")) : null,
    reasonList(gap.reasons),
    basis.length ? el("div", { class: "facts" }, ui("rests_on", { what: basis.map(word).join(", ") })) : null,
    chips.length ? el("div", { class: "chips" }, chips.map((chip) => el("span", {}, word(chip)))) : null);
}

function indicatorGroups(row) {
  const current = state.theme === "indicator" ? data.indicators[state.indicator] : null;
  const first = (current ?? data.indicators[0])?.group;
  const methods = [data.units[row].method].filter(Boolean);
  return factGroups(data.indicators.map((i) => [i, i.values[row]]), { opened: (group) => group === first, current, methods });
}

/** Where a commune's own page lies, if this map is served beside it: a map kept as a file has no such neighbour. */
function pageLinks(code) {
  if (!location.pathname.endsWith("/api/v1/map")) return null;
  const link = (ending, text) => el("a",
    { href: `communes/${encodeURIComponent(code)}/page.${ending}?lang=${state.lang}`, target: "_blank", rel: "noopener" }, text);
  return el("p", { class: "pages" }, link("html", ui("commune_page")), " · ", link("docx", "DOCX"), " · ", link("pdf", "PDF"));
}

function unitPopup(row) {
  const unit = data.units[row];
  const under = [unit.district, ui("code", { code: unit.code })].filter(Boolean).join(" · ");
  return el("article", { class: "popup" }, el("h2", {}, unit.name), el("p", { class: "under" }, under),
    gapBlock(unit.gap), pageLinks(unit.code), indicatorGroups(row));
}

function unitTooltip(row) {
  const unit = data.units[row];
  const box = el("div", {}, el("strong", {}, unit.name));
  if (state.theme === "indicator") {
    const indicator = data.indicators[state.indicator];
    box.append(el("div", {}, valueText(indicator.values[row], indicator)));
  }
  return box;
}

/** Facts of a point: those without a group first, then the groups; an empty text is no fact (a mast not on air). */
function pointPopup(id, point) {
  const facts = data.points[id].fields.map((field, i) => [field, point.values[i]]).filter(([, value]) => value !== "");
  const title = id === "plan" ? ui("proposed", { rank: point.rank }) : point.name;
  const under = id === "plan" ? point.name : ui(`layer_${id}`) + (point.unit ? ` · ${point.unit}` : "");
  return el("article", { class: "popup" }, el("h2", {}, title), el("p", { class: "under" }, under),
    point.reasons ? reasonList(point.reasons) : null,
    factTable(facts.filter(([field]) => !field.group).map(([field, value]) => factRow(field, value))),
    factGroups(facts.filter(([field]) => field.group), { opened: () => true, methods: [] }),
    id === "plan" ? noteLines(notesOf({ modelled: true, placed: true })) : null);
}

/** A point of the service whose travel time is shown. */
function servicePopup(service, point) {
  const facts = service.fields.map((field, i) => [field, point.values[i]]).filter(([, value]) => value !== null);
  return el("article", { class: "popup" }, el("h2", {}, point.name), el("p", { class: "under" }, inLang(service.label)),
    factTable(facts.map(([field, value]) => factRow(field, value))),
    point.lost ? el("p", { class: "fine" }, ui("in_reach_of_nobody")) : null, noteLines([inLang(service.told)]));
}
