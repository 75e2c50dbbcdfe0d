// Where nodes and edges stand: sizes from their texts, places from dagre.

import { Graph, layout } from "../../vendor/dagre.js";
import { orderByNeighbours, rankFromStart } from "./ranking.js";

const HEIGHT = 54;
const BADGE_ROOM = 12;
const ICON_ROOM = 44;
const PADDING = 14;
const WIDEST = 300;
const NARROWEST = 132;
// From this size on, dagre's searches for the best rows and the fewest crossings take seconds; without them the picture
// is nearly as good.
const LARGE = 350;
// A row of tasks that is so many times wider than the graph is high is laid out as a column.
const TOO_WIDE = 6;

const NAME_FONT = "600 13px system-ui, sans-serif";
const LABEL_FONT = "11.5px system-ui, sans-serif";
const BADGE_FONT = "600 10.5px system-ui, sans-serif";

const context = document.createElement("canvas").getContext("2d");
const known = new Map();

/** Width of a text in pixels. */
export function widthOf(text, font) {
  const key = font + text;
  if (!known.has(key)) {
    if (known.size > 20000) known.clear();
    context.font = font;
    known.set(key, context.measureText(text).width);
  }
  return known.get(key);
}

/** Cut a text so that it fits, with an ellipsis. */
export function fit(text, font, room) {
  if (widthOf(text, font) <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(`${text.slice(0, middle)}…`, font) <= room) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

export const fonts = { name: NAME_FONT, label: LABEL_FONT, badge: BADGE_FONT };

/** Width of one badge with its padding. */
export function badgeWidth(badge) {
  return Math.ceil(widthOf(badge.text, BADGE_FONT)) + 14;
}

/** Size of a node; room for the longest state word is kept, so that states may change in place. */
export function sizeOf(node) {
  if (node.kind === "command") {
    return { width: Math.ceil(widthOf(node.label, NAME_FONT)) + 44, height: 30 };
  }
  const label = widthOf(`${node.label}  Error, handled`, LABEL_FONT);
  const texts = Math.max(widthOf(node.name, NAME_FONT), Math.min(label, 210));
  const badges = node.badges.reduce((sum, badge) => sum + badgeWidth(badge) + 4, 0) + 16;
  const width = Math.min(WIDEST, Math.max(NARROWEST, texts + ICON_ROOM + PADDING, badges));
  return { width: Math.ceil(width), height: HEIGHT };
}

/**
 * Place everything.
 * @returns {{nodes: Map<string, {x, y, width, height}>, edges: Array<Array<{x, y}>>, width, height}}
 *   centres of the nodes, and per edge (in the given order) the points of its line.
 */
export function place(data, direction) {
  const graph = new Graph({ multigraph: true });
  const isLarge = data.nodes.length > LARGE;
  graph.setGraph({
    rankdir: direction || (isTooWide(data) ? "LR" : "TB"),
    nodesep: 28,
    ranksep: 46,
    edgesep: 14,
    marginx: 24,
    marginy: 28,
    ranker: isLarge ? rankFromStart : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of data.nodes) {
    const size = sizeOf(node);
    graph.setNode(node.name, { width: size.width, height: size.height + BADGE_ROOM });
  }
  data.edges.forEach((edge, index) => {
    if (graph.hasNode(edge.from) && graph.hasNode(edge.to)) {
      graph.setEdge(edge.from, edge.to, {}, String(index));
    }
  });
  layout(graph, isLarge ? { customOrder: orderByNeighbours } : {});
  const nodes = new Map();
  for (const node of data.nodes) {
    const at = graph.node(node.name);
    nodes.set(node.name, { x: at.x, y: at.y, width: at.width, height: at.height - BADGE_ROOM });
  }
  const edges = data.edges.map((edge, index) => {
    const found = graph.edge(edge.from, edge.to, String(index));
    return found ? ends(found.points, nodes.get(edge.from), nodes.get(edge.to)) : [];
  });
  const { width = 0, height = 0 } = graph.graph();
  return { nodes, edges, width: Math.max(width, 1), height: Math.max(height, 1) };
}

/** Would most tasks stand in few rows? Rows are told by the shortest way from a start. */
function isTooWide({ nodes, edges }) {
  const after = new Map(nodes.map((node) => [node.name, []]));
  const waiting = new Set(after.keys());
  for (const edge of edges) {
    after.get(edge.from)?.push(edge.to);
    waiting.delete(edge.to);
  }
  let row = waiting.size ? [...waiting] : nodes.slice(0, 1).map((node) => node.name);
  const seen = new Set(row);
  let [widest, rows] = [0, 0];
  while (row.length) {
    widest = Math.max(widest, row.length);
    rows += 1;
    const next = row.flatMap((name) => after.get(name) || []).filter((name) => after.has(name) && !seen.has(name));
    row = [...new Set(next)];
    row.forEach((name) => seen.add(name));
  }
  return widest > 8 && widest * 190 > TOO_WIDE * rows * 110;
}

/** Lead the line up to the border of the nodes: dagre counts the room of the badges to them. */
function ends(points, from, to) {
  const moved = points.map((point) => ({ ...point }));
  moved[0] = clip(moved[0], from);
  moved[moved.length - 1] = clip(moved[moved.length - 1], to);
  return moved;
}

function clip(point, box) {
  const [dx, dy] = [box.width / 2, box.height / 2];
  return {
    x: Math.min(box.x + dx, Math.max(box.x - dx, point.x)),
    y: Math.min(box.y + dy, Math.max(box.y - dy, point.y)),
  };
}
