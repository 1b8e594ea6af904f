// What stands in a popup or a tooltip: nodes, never markup from data.

function factRow(field, value, current = false) {
  return el("tr", { class: current ? "current" : null }, el("th", { scope: "row" }, inLang(field.label)),
    el("td", { class: value === null ? "no-data" : null }, valueText(value, field)));
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
  const chips = [...(gap.classes ?? []), ...(gap.basis ?? [])];
  return el("section", { class: "gap" },
    el("strong", {}, ui("gap_title", { rank: gap.rank })),
    facts.length ? el("div", { class: "facts" }, facts.join(" · ")) : null,
    reasonList(gap.reasons),
    chips.length ? el("div", { class: "chips" }, chips.map((chip) => el("span", {}, word(chip)))) : null);
}

function indicatorGroups(unitRow) {
  const current = state.theme === "indicator" ? data.indicators[state.indicator] : null;
  const groups = new Map();
  for (const indicator of data.indicators) {
    if (!groups.has(indicator.group)) groups.set(indicator.group, []);
    groups.get(indicator.group).push(indicator);
  }
  const opened = current ? current.group : groups.keys().next().value;
  return [...groups].map(([group, indicators]) =>
    el("details", { open: group === opened },
      el("summary", {}, say(`group.${group}`)),
      el("table", {}, el("tbody", {}, indicators.map((i) => factRow(i, i.values[unitRow], i === current))))));
}

function unitPopup(row) {
  const unit = data.units[row];
  const under = [unit.district, ui("code", { code: unit.code })].filter(Boolean).join(" · ");
  return el("article", { class: "popup" }, el("h2", {}, unit.name), el("p", { class: "under" }, under),
    gapBlock(unit.gap), indicatorGroups(row));
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

function pointPopup(id, point) {
  const layer = data.points[id];
  const title = id === "plan" ? ui("proposed", { rank: point.rank }) : point.name;
  const under = id === "plan" ? point.name : ui(`layer_${id}`) + (point.unit ? ` · ${point.unit}` : "");
  return el("article", { class: "popup" }, el("h2", {}, title), el("p", { class: "under" }, under),
    point.reasons ? reasonList(point.reasons) : null,
    el("table", {}, el("tbody", {}, layer.fields.map((field, i) => factRow(field, point.values[i])))));
}
