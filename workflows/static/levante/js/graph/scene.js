// What of a graph is in the document: all of a small one; of a large one what is in sight, and all the rest as few shapes.
// A browser styles and lays out each element at each move, so a thousand tasks with their texts are too many.

import { drawDefinitions, drawEdge, drawNode, restyleEdge, restyleNode, svg } from "./draw.js";
import { boxPaths, linePaths } from "./shapes.js";

// Up to so many tasks the browser draws all of them faster than we find out which are in sight.
const SMALL = 150;
// Lines in sight that are drawn one by one, with their arrow heads and what they say on hover.
const MOST_LINES = 250;

export class Scene {
  /** @param {SVGSVGElement} drawing @param {string} id keeps several graphs of a page apart */
  constructor(drawing, id) {
    this.drawing = drawing;
    this.id = id;
    this.marked = new Map();
    this.show({ nodes: [], edges: [] }, { nodes: new Map(), edges: [] }, false);
  }

  /** Begin with new data. */
  show(data, places, isRun) {
    this.data = data;
    this.places = places;
    this.isRun = isRun;
    this.byName = new Map(data.nodes.map((node) => [node.name, node]));
    this.nodes = new Map();
    this.lines = new Map();
    this.isLarge = data.nodes.length > SMALL;
    this.bounds = places.edges.map(boundsOf);
    this.overview = svg("g", { class: "graph-overview", "aria-hidden": "true" });
    this.edgeGroup = svg("g", { class: "graph-edges", "aria-hidden": "true" });
    this.nodeGroup = svg("g", { class: "graph-nodes" });
    this.drawing.replaceChildren(drawDefinitions(this.id), this.overview, this.edgeGroup, this.nodeGroup);
    this.drawing.classList.toggle("is-large", this.isLarge);
    if (this.isLarge) this.paintOverview();
    else this.drawAll();
  }

  /** The element of a node; it is drawn if it is not yet. */
  node(name) {
    const node = this.byName.get(name);
    if (!this.nodes.has(name) && node) {
      const element = drawNode(node, this.places.nodes.get(name), this.isRun);
      for (const [mark, names] of this.marked) element.classList.toggle(mark, names.has(name));
      this.nodes.set(name, element);
      this.nodeGroup.append(element);
    }
    return this.nodes.get(name);
  }

  line(index) {
    if (!this.lines.has(index)) {
      const edge = this.data.edges[index];
      const element = drawEdge(edge, this.places.edges[index], this.id);
      element.edge = edge;
      this.lines.set(index, element);
      this.edgeGroup.append(element);
    }
    return this.lines.get(index);
  }

  /** Draw everything, as for a file that shows all. */
  drawAll() {
    for (const { name } of this.data.nodes) this.node(name);
    this.data.edges.forEach((_, index) => this.line(index));
  }

  /** Give a class to the nodes of these names, and take it from all others. */
  mark(mark, names) {
    this.marked.set(mark, names);
    for (const [name, element] of this.nodes) element.classList.toggle(mark, names.has(name));
  }

  /** Show the new states of all nodes and edges, which are the same ones. */
  restyle(data, isRun) {
    this.data = data;
    this.isRun = isRun;
    this.byName = new Map(data.nodes.map((node) => [node.name, node]));
    for (const name of this.nodes.keys()) this.restyleNode(name);
    for (const [index, element] of this.lines) {
      element.edge = data.edges[index];
      restyleEdge(element, element.edge, this.id);
    }
  }

  /** Show the new state of one node, if it is drawn. */
  restyleNode(name) {
    const element = this.nodes.get(name);
    if (element) restyleNode(element, this.byName.get(name), this.places.nodes.get(name), this.isRun);
  }

  /** Draw the shapes anew; gives the boxes, for the small picture. */
  paintOverview() {
    const boxes = boxPaths(this.data.nodes, this.places, this.isRun);
    if (this.isLarge) {
      const lines = linePaths(this.data.edges, this.places);
      this.overview.replaceChildren(
        svg("g", { class: "graph-overview-lines" }, ...[...lines].map(([style, d]) =>
          svg("g", { class: `graph-edge ${style}` }, svg("path", { class: "graph-edge-line", d })))),
        svg("g", { class: "graph-overview-boxes" }, ...[...boxes].map(([look, d]) => svg("path", { class: look, d }))));
    }
    return boxes;
  }

  /** Draw what has come into sight, and hide what has left it; from far away only shapes are seen. */
  follow(seen, isFar, current) {
    if (!this.isLarge) return;
    const area = {
      left: seen.x - seen.width / 4, right: seen.x + seen.width * 1.25,
      top: seen.y - seen.height / 4, bottom: seen.y + seen.height * 1.25,
    };
    const inSight = new Set();
    const lines = [];
    if (!isFar) {
      for (const [name, at] of this.places.nodes) if (touches(boxOf(at), area)) inSight.add(name);
      this.bounds.forEach((bounds, index) => { if (touches(bounds, area)) lines.push(index); });
    }
    // The heads of arrows count most.
    const isCrowded = lines.length > MOST_LINES;
    const single = isCrowded ? lines.filter((index) => inSight.has(this.data.edges[index].to)) : lines;
    const shown = new Set(single.slice(0, MOST_LINES));
    this.drawing.classList.toggle("is-crowded", isCrowded);
    // Tab leads to the current node wherever it is.
    if (current) inSight.add(current);
    for (const name of inSight) this.node(name);
    for (const index of shown) this.line(index);
    for (const [name, element] of this.nodes) toggle(element, !inSight.has(name) && element !== document.activeElement);
    for (const [index, element] of this.lines) toggle(element, !shown.has(index));
  }

  /** The name of the node at a place of the drawing, or of the nearest one that is not further away than `slack`. */
  nameAt({ x, y }, slack) {
    let [best, least] = [null, slack];
    for (const [name, at] of this.places.nodes) {
      const distance = Math.hypot(
        Math.max(0, Math.abs(at.x - x) - at.width / 2), Math.max(0, Math.abs(at.y - y) - at.height / 2));
      if (distance <= least) [best, least] = [name, distance];
    }
    return best;
  }
}

function boxOf({ x, y, width, height }) {
  return { left: x - width / 2, right: x + width / 2, top: y - height, bottom: y + height };
}

function boundsOf(points) {
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

function touches(one, other) {
  return one.left <= other.right && one.right >= other.left && one.top <= other.bottom && one.bottom >= other.top;
}

function toggle(element, isOut) {
  if (element.classList.contains("is-out") !== isOut) element.classList.toggle("is-out", isOut);
}
