// Many nodes and edges as few paths: what a browser draws fast where single ones cannot be told apart anyway.

import { pathThrough } from "./draw.js";
import { lookOf } from "./states.js";

/** Map from the look of a state to the boxes of all nodes that have it. */
export function boxPaths(nodes, places, isRun) {
  return collect(nodes, (node) => {
    const { x, y, width, height } = places.nodes.get(node.name);
    const box = `M${Math.round(x - width / 2)} ${Math.round(y - height / 2)}h${width}v${height}h${-width}z`;
    return [`state-${lookOf(node, isRun).name}`, box];
  });
}

/** Map from the style of edges to the lines of all that have it. */
export function linePaths(edges, places) {
  return collect(edges, (edge, index) =>
    [`clause-${edge.clause} ${edge.is_taken ? "is-taken" : "is-untaken"}`, pathThrough(places.edges[index])]);
}

function collect(items, pathOf) {
  const parts = new Map();
  items.forEach((item, index) => {
    const [key, path] = pathOf(item, index);
    if (!parts.has(key)) parts.set(key, []);
    parts.get(key).push(path);
  });
  return new Map([...parts].map(([key, paths]) => [key, paths.join("")]));
}
