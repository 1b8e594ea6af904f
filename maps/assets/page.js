// The map: panes from the ground up, the theme, the point layers, the legend, and what the panel's controls do.

const map = window.map_phusong;
const province = L.latLngBounds(data.bounds);
const PANES = ["terrain", "coverage", "units", "gap_units", "districts", "villages", "postal_points", "sites", "service", "other_villages", "gap_villages"];

PANES.forEach((name, i) => { map.createPane(name).style.zIndex = String(210 + 10 * i); });
map.createPane("labels").style.zIndex = "560";
const renderers = Object.fromEntries(PANES.slice(2).map((name) => [name, L.svg({ pane: name, padding: 0.4 })]));

const layers = {};
let overlay = null;
let legend = null;
let zoomControl = null;

function drawGround() {
  if (data.terrain) L.imageOverlay(data.terrain.url, data.terrain.bounds, { pane: "terrain", interactive: false }).addTo(map);
}

/** A popup that fits beside the zoom buttons, and closes the tooltip under it. */
function bindPopup(layer, content) {
  const narrow = window.innerWidth <= 720;
  layer.bindPopup(content, {
    maxWidth: narrow ? 268 : 340, minWidth: 240, maxHeight: Math.min(430, 0.55 * window.innerHeight),
    autoPanPaddingTopLeft: [8, 8], autoPanPaddingBottomRight: [52, 8],
  });
  return layer.on("popupopen tooltipopen", () => { if (layer.isPopupOpen()) layer.closeTooltip(); });
}

function drawUnits() {
  const features = data.units.map((unit, row) => ({ type: "Feature", properties: { row }, geometry: unit.geometry }));
  const rowOf = (layer) => layer.feature.properties.row;
  layers.units = L.geoJSON(features, { pane: "units", renderer: renderers.units, style: (f) => unitStyle(f.properties.row) });
  layers.units.eachLayer((layer) => {
    bindPopup(layer, () => unitPopup(rowOf(layer)));
    layer.bindTooltip(() => unitTooltip(rowOf(layer)), { sticky: true });
    layer.on("mouseover", () => layer.setStyle({ weight: 2.2, color: "#0f172a" }));
    layer.on("mouseout", () => layer.setStyle(unitStyle(rowOf(layer))));
  });
  const gaps = features.filter((feature) => data.units[feature.properties.row].gap);
  layers.gap_units = L.geoJSON(gaps, {
    pane: "gap_units", renderer: renderers.gap_units, interactive: false,
    style: { color: data.colours.gap, weight: gapWeight(), opacity: 0.9, fill: false },
  });
  layers.districts = L.geoJSON(data.districts.map((d) => ({ type: "Feature", properties: {}, geometry: d.geometry })), {
    pane: "districts", renderer: renderers.districts, interactive: false,
    style: { color: "#334155", weight: 1.6, opacity: 0.85, fill: false },
  });
}

/** The class a value falls in; on a bound it belongs to the higher one. */
function classOf(value, indicator) {
  if (value === null) return -1;
  if (indicator.kind === "yes_no") return value ? 1 : 0;
  let index = 0;
  while (index < indicator.colours.length - 1 && value >= indicator.breaks[index + 1]) index += 1;
  return index;
}

function unitStyle(row) {
  const edge = { color: "#475569", weight: 0.7, opacity: state.shown.units ? 0.7 : 0 };
  if (state.theme !== "indicator") return { ...edge, fillColor: "#ffffff", fillOpacity: 0 };
  const indicator = data.indicators[state.indicator];
  const index = classOf(indicator.values[row], indicator);
  return index < 0 ? { ...edge, fillColor: "url(#no-data)", fillOpacity: 0.75 }
    : { ...edge, fillColor: indicator.colours[index], fillOpacity: 0.74 };
}

/** Width of the outline of a gap commune; its outer half is cut off. */
const gapWeight = () => (map.getZoom() < 9 ? 2.8 : 4.4);

/** Draw the outline of each gap commune on its own side of the boundary only, so that the eye knows which one it is. */
function clipGaps() {
  const clips = svg("defs");
  document.body.append(svg("svg", { width: 0, height: 0, class: "hidden-svg", "aria-hidden": "true" }, clips));
  layers.units.eachLayer((layer) => { layer.getElement().id = `unit-${layer.feature.properties.row}`; });
  layers.gap_units.eachLayer((layer) => {
    const { row } = layer.feature.properties;
    clips.append(svg("clipPath", { id: `inside-${row}` }, svg("use", { href: `#unit-${row}` })));
    layer.on("add", () => layer.getElement().setAttribute("clip-path", `url(#inside-${row})`));
  });
}

function drawPoints() {
  for (const id of Object.keys(SYMBOLS)) {
    if (!data.points[id]) continue;
    layers[id] = L.featureGroup(data.points[id].rows.map((point) => {
      point.marker = symbolMarker(id, point, renderers[id]);
      bindPopup(point.marker, () => pointPopup(id, point));
      return point.marker.bindTooltip(() => el("span", {}, point.name));
    }));
  }
  if (data.points.plan) layers.plan = L.featureGroup(data.points.plan.rows.map(planMarker));
  map.on("zoomend", scaleSymbols);
}

/** The points of the service whose travel time is shown, or none. */
function drawService(service) {
  if (layers.service?.of === service) return;
  layers.service?.remove();
  delete layers.service;
  if (!service) return;
  layers.service = L.featureGroup(service.rows.map((point) => {
    const marker = symbolMarker("service", point, renderers.service);
    marker.setRadius(SYMBOLS.service.radius * symbolFactor());
    bindPopup(marker, () => servicePopup(service, point));
    return marker.bindTooltip(() => el("span", {}, point.name));
  }));
  layers.service.of = service;
  layers.service.addTo(map);
}

function planMarker(point) {
  const icon = L.divIcon({ className: "plan-icon", html: el("span", {}, String(point.rank)), iconSize: [22, 22] });
  const marker = L.marker(point.at, { icon, zIndexOffset: -point.rank, alt: ui("proposed", { rank: point.rank }) });
  point.marker = marker;
  marker.bindTooltip(() => el("span", {}, `${ui("proposed", { rank: point.rank })} · ${point.name}`));
  return bindPopup(marker, () => pointPopup("plan", point));
}

const symbolFactor = () => Math.min(2, Math.max(0.8, 1 + 0.22 * (map.getZoom() - 10)));

function scaleSymbols() {
  layers.gap_units.setStyle({ weight: gapWeight() });
  const factor = symbolFactor();
  for (const [id, look] of Object.entries(SYMBOLS)) layers[id]?.eachLayer((marker) => marker.setRadius(look.radius * factor));
}

function nameLabel(name, at, className, bounds) {
  const icon = L.divIcon({ className: `label ${className}`, html: el("span", {}, name), iconSize: [0, 0] });
  return L.marker(at, { icon, pane: "labels", interactive: false, keyboard: false, bounds: L.latLngBounds(bounds) });
}

function drawLabels() {
  const rank = (layer) => data.units[layer.feature.properties.row].gap?.rank ?? Infinity;
  const byNeed = layers.units.getLayers().sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const units = L.layerGroup(byNeed.map((layer) => {
    const unit = data.units[layer.feature.properties.row];
    return nameLabel(unit.name, unit.centre, "unit", layer.getBounds());
  }));
  const districts = L.layerGroup(data.districts.map(({ name, centre, bounds }) => nameLabel(name, centre, "district", bounds)));
  const update = () => {
    const zoom = map.getZoom();
    toggleLayer(districts, state.shown.labels && zoom < 11.5);
    toggleLayer(units, state.shown.labels && zoom >= (data.districts.length ? 11.5 : 10));
    placeLabels([...districts.getLayers(), ...units.getLayers()].filter((label) => map.hasLayer(label)));
  };
  map.on("zoomend", update);
  layers.labels = { update };
}

/** Move each name off the badges of proposed sites and the names before it; one that fits nowhere waits for the next zoom. */
function placeLabels(labels) {
  const badges = state.shown.plan && data.points.plan ? data.points.plan.rows : [];
  const taken = badges.map((point) => boxAt(map.latLngToLayerPoint(point.at), 24, 24));
  const sizes = labels.map((label) => label.getElement().firstChild).map((span) => [span, span.offsetWidth, span.offsetHeight]);
  labels.forEach((label, i) => {
    const [span, width, height] = sizes[i];
    const at = map.latLngToLayerPoint(label.getLatLng());
    const { bounds } = label.options;
    const tall = map.latLngToLayerPoint(bounds.getSouthWest()).y - map.latLngToLayerPoint(bounds.getNorthEast()).y;
    const free = LABEL_SHIFTS.slice(tall < 2 * height ? 1 : 0).map(([right, down]) => [right * width, down * height])
      .find(([right, down]) => !taken.some((box) => overlap(box, boxAt(at.add([right, down]), width, height))));
    span.classList.toggle("no-room", !free);
    if (!free) return;
    [span.style.left, span.style.top] = free.map((shift) => `${shift}px`);
    taken.push(boxAt(at.add(free), width, height));
  });
}

// Where a name may stand, in widths to the right and heights down from its place; the nearest first. Not on a small island.
const LABEL_SHIFTS = [[0, 0], [0, -0.9], [0, 0.9], [-0.4, 0], [0.4, 0], [0, -1.6], [0, 1.6], [-0.4, -0.9], [0.4, -0.9], [-0.4, 0.9], [0.4, 0.9]];
const boxAt = (middle, width, height) => [middle.x - width / 2, middle.y - height / 2, middle.x + width / 2, middle.y + height / 2];
const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function toggleLayer(layer, on) {
  if (on && !map.hasLayer(layer)) map.addLayer(layer);
  if (!on && map.hasLayer(layer)) map.removeLayer(layer);
}

function paint() {
  layers.units.eachLayer((layer) => layer.setStyle(unitStyle(layer.feature.properties.row)));
  const picture = data[state.theme]?.[state[state.theme]]; // of the themes only coverage and travel have one
  if (overlay) overlay.remove();
  overlay = picture?.url ? L.imageOverlay(picture.url, picture.bounds, {
    pane: "coverage", className: "coverage", interactive: false, alt: picture.technology ?? inLang(picture.label),
  }).addTo(map) : null;
  drawService(state.theme === "travel" && state.shown.service ? data.travel[state.travel] : null);
  for (const [id, layer] of Object.entries(layers)) {
    if (id === "labels") layer.update();
    else if (id !== "service") toggleLayer(layer, id === "units" || state.shown[id]);
  }
  buildLegend();
}

function legendRow(colour, text, hatched = false) {
  const box = svg("svg", { width: 22, height: 14, "aria-hidden": "true" },
    svg("rect", { x: 0.5, y: 0.5, width: 21, height: 13, fill: hatched ? "url(#no-data)" : colour, stroke: "#64748b", "stroke-width": 0.6 }));
  return el("li", {}, box, el("span", {}, text));
}

function indicatorLegend() {
  const indicator = data.indicators[state.indicator];
  const unit = inLang(indicator.unit);
  const rows = indicator.kind === "yes_no"
    ? [legendRow(indicator.colours[1], ui("yes")), legendRow(indicator.colours[0], ui("no"))]
    : indicator.colours.map((colour, i) => {
      const [low, high] = [indicator.breaks[i], indicator.breaks[i + 1]];
      return legendRow(colour, low === high ? number(low, 3) : `${number(low, 3)} – ${number(high, 3)}`);
    }).reverse();
  if (indicator.values.includes(null)) rows.push(legendRow("", ui("no_data"), true));
  return [inLang(indicator.label) + (unit ? ` (${unit})` : ""), rows, notesOf(indicator)];
}

function coverageLegend() {
  const { technology, bounds_db: margins, required_dbm: [least, most], colours } = data.coverage[state.coverage];
  const alike = least === most; // else a level alone does not say whether it covers: the classes are told as margins
  const bounds = margins.map((db) => number(alike ? least + db : db, 1));
  const rows = [legendRow(colours[0], ui("level_below", { low: bounds[0] }))];
  bounds.forEach((low, i) => rows.push(legendRow(colours[i + 1], i + 1 < bounds.length
    ? ui("level_between", { low, high: bounds[i + 1] }) : ui("level_above", { low }))));
  const notes = [
    alike ? ui("required", { dbm: number(least, 1) }) : ui("required_varies", { least: number(least, 1), most: number(most, 1) }),
    inLang(data.asked) && ui("asked", { terms: inLang(data.asked) }),
    ...notesOf({ modelled: true }),
  ].filter(Boolean);
  return [`${technology}: ${alike ? ui("level") : ui("margin")}`, rows.reverse(), notes];
}

function travelLegend() {
  const travel = data.travel[state.travel];
  const bounds = travel.bounds_min.map((min) => number(min, 0));
  const rows = bounds.map((high, i) => legendRow(travel.colours[i],
    i ? ui("level_between", { low: bounds[i - 1], high }) : ui("time_up_to", { high })));
  rows.push(legendRow(travel.colours[bounds.length], ui("time_over", { low: bounds.at(-1) })));
  if (travel.unreached) rows.push(legendRow(travel.colours.at(-1), ui("not_reached")));
  return [ui("travel_legend", { service: inLang(travel.label) }), rows, [inLang(travel.told)]];
}

function buildLegend() {
  const box = legend.getContainer();
  const wasOpen = box.querySelector("details")?.open ?? window.innerWidth > 720;
  box.hidden = state.theme === "terrain";
  if (box.hidden) return;
  const [title, rows, notes] = { indicator: indicatorLegend, coverage: coverageLegend, travel: travelLegend }[state.theme]();
  box.setAttribute("aria-label", ui("legend"));
  box.replaceChildren(el("details", { open: wasOpen }, el("summary", {}, title), el("ul", {}, rows), noteLines(notes)));
}

function addControls() {
  legend = new (L.Control.extend({
    onAdd: () => {
      const box = el("section", { class: "legend", id: "legend" });
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      return box;
    },
  }))({ position: "bottomright" }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomleft", maxWidth: 140 }).addTo(map);
}

/** Zoom buttons and the button back to the whole province, in the reader's language. */
function addZoom() {
  if (zoomControl) zoomControl.remove();
  zoomControl = L.control.zoom({ position: "topright", zoomInTitle: ui("zoom_in"), zoomOutTitle: ui("zoom_out") }).addTo(map);
  const home = el("a", { href: "#", role: "button", title: ui("reset"), "aria-label": ui("reset"), id: "reset" }, "⌂");
  L.DomEvent.on(home, "click", (event) => { L.DomEvent.stop(event); fitProvince(); });
  zoomControl.getContainer().append(home);
  map.getContainer().setAttribute("aria-label", `${ui("map")}: ${data.title}`);
}

function fitProvince() {
  const legendWidth = window.innerWidth > 1000 ? 170 : 12;
  map.fitBounds(province, { paddingTopLeft: [12, 12], paddingBottomRight: [legendWidth, 12], animate: false });
}

const actions = {
  setLang(lang) {
    state.lang = lang;
    map.closePopup();
    actions.rebuild(`lang-${lang}`);
    addZoom();
    buildLegend();
  },
  setTheme(theme) {
    state.theme = theme;
    actions.rebuild(null, `input[name=theme][value=${theme}]`);
    paint();
  },
  setIndicator(index) { state.indicator = index; paint(); },
  setCoverage(index) { state.coverage = index; paint(); },
  setTravel(index) { state.travel = index; actions.rebuild("travel"); paint(); },
  setShown(id, on) { state.shown[id] = on; paint(); },
  rebuild(focusId, selector) {
    buildPanel(actions);
    const node = focusId ? document.getElementById(focusId) : document.querySelector(selector);
    node?.focus();
  },
  togglePanel() {
    document.body.classList.toggle("panel-open");
    actions.rebuild("panel-toggle");
    map.invalidateSize({ animate: false });
  },
  goTo(place) {
    if (window.innerWidth <= 720 && document.body.classList.contains("panel-open")) actions.togglePanel();
    if (place.kind === "district") map.fitBounds(place.district.bounds, { padding: [20, 20], animate: false });
    else if (place.kind === "unit") openUnit(place.row);
    else openPoint(place.kind === "plan" ? "plan" : "villages", place.point);
  },
};

function openUnit(row) {
  const layer = layers.units.getLayers().find((one) => one.feature.properties.row === row);
  map.fitBounds(layer.getBounds(), { padding: [40, 40], maxZoom: 12.5, animate: false });
  layer.openPopup(L.latLng(data.units[row].centre));
}

function openPoint(id, point) {
  map.setView(point.at, Math.max(map.getZoom(), 12.5), { animate: false });
  if (!state.shown[id]) {
    state.shown[id] = true;
    document.getElementById(`layer-${id}`).checked = true;
    paint();
  }
  point.marker.openPopup();
}

addHatching();
addControls();
document.body.classList.toggle("panel-open", window.innerWidth > 720);
buildPanel(actions);
addZoom();
drawGround();
drawUnits();
drawPoints();
drawLabels();
map.invalidateSize({ animate: false });
fitProvince();
map.setMinZoom(map.getZoom() - 1.5);
map.setMaxBounds(province.pad(1.5)); // room for a popup at the edge
toggleLayer(layers.units, true);
clipGaps();
paint();
scaleSymbols();
document.body.dataset.ready = "yes";
