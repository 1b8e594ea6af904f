// Own symbols: told apart by shape as well as by colour, the same on the map and in the list of layers.

const SYMBOLS = {
  villages: { shape: "circle", radius: 2.2, fill: "#57534e", stroke: "#ffffff", weight: 0.6 },
  postal_points: { shape: "square", radius: 3.8, fill: "#f2b800", stroke: "#3f3000", weight: 1 },
  sites: { shape: "circle", radius: 3.4, fill: "#1e293b", stroke: "#ffffff", weight: 1 },
  service: { shape: "square", radius: 3.6, fill: "#ffffff", stroke: "#0f172a", weight: 1.4 },
  other_villages: { shape: "triangle", radius: 4, fill: "#f79009", stroke: "#ffffff", weight: 1 },
  gap_villages: { shape: "triangle", radius: 5, fill: "#d92d20", stroke: "#ffffff", weight: 1 },
};

/** The outline of a shape around (x, y) as an SVG path. */
function shapePath(shape, x, y, radius) {
  const r = radius;
  if (shape === "square") return `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`;
  if (shape === "triangle") return `M${x} ${y - 1.15 * r}L${x + r} ${y + 0.75 * r}H${x - r}z`;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

const SymbolMarker = L.CircleMarker.extend({
  _updatePath() {
    const { x, y } = this._point;
    this._renderer._setPath(this, this._empty() ? "M0 0" : shapePath(this.options.shape, x, y, this._radius));
  },
});

/** The marker of a point; a mast that is not on air and a village with signal at its centre are hollow, a point in reach
 *  of nobody is filled. */
function symbolMarker(id, point, renderer) {
  const hollow = point.on_air === false || point.lost || point.partly;
  const look = hollow ? { ...SYMBOLS[id], fill: SYMBOLS[id].stroke, stroke: SYMBOLS[id].fill } : SYMBOLS[id];
  return new SymbolMarker(point.at, {
    renderer, pane: renderer.options.pane, shape: look.shape, radius: look.radius,
    color: look.stroke, weight: look.weight, fillColor: look.fill, fillOpacity: 0.95,
  });
}

/** The symbol of a layer for the list of layers. */
function swatch(id) {
  const box = svg("svg", { width: 22, height: 16, viewBox: "0 0 22 16", "aria-hidden": "true", class: "swatch" });
  const look = SYMBOLS[id];
  if (look) {
    const d = shapePath(look.shape, 11, 8, look.radius + 1);
    box.append(svg("path", { d, fill: look.fill, stroke: look.stroke, "stroke-width": look.weight }));
  } else if (id === "plan") {
    box.append(svg("path", { d: shapePath("circle", 11, 8, 7.2), fill: "#4c1d95", stroke: "#fff", "stroke-width": 1.2 }));
    const one = svg("text", { x: 11, y: 11.2, "text-anchor": "middle", "font-size": 9, "font-weight": 700, fill: "#fff" });
    one.textContent = "1";
    box.append(one);
  } else if (id === "labels") {
    const letters = svg("text", { x: 11, y: 12.5, "text-anchor": "middle", "font-size": 12, "font-weight": 600, fill: "#334155" });
    letters.textContent = "Aa";
    box.append(letters);
  } else {
    const colour = { gap_units: data.colours.gap, districts: "#334155", units: "#64748b" }[id];
    const width = { gap_units: 2.6, districts: 2, units: 1 }[id];
    box.append(svg("rect", { x: 3, y: 2.5, width: 16, height: 11, rx: 2, fill: "none", stroke: colour, "stroke-width": width }));
  }
  return box;
}

/** The hatching of "no data", which every polygon of the page may refer to. */
function addHatching() {
  const lines = svg("path", { d: "M-2 2l4-4M0 8L8 0M6 10l4-4", stroke: "#8a8a8a", "stroke-width": 1 });
  const ground = svg("rect", { width: 8, height: 8, fill: data.colours.no_data });
  const pattern = svg("pattern", { id: "no-data", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, ground, lines);
  document.body.append(svg("svg", { width: 0, height: 0, class: "hidden-svg", "aria-hidden": "true" }, svg("defs", {}, pattern)));
}
