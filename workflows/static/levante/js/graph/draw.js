// Draws nodes and edges as SVG, and changes drawn nodes in place when their state changes.

import { badgeWidth, fit, fonts } from "./layout.js";
import { lookOf } from "./states.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const CLAUSE_WORDS = {
  "on-success": "on success",
  "on-error": "on error",
  "on-complete": "on complete",
  "on-skip": "on skip",
  requires: "is needed first",
};

/** Make an SVG element with attributes and children. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** The arrow heads and the hatching of skipped tasks; `id` keeps several graphs of a page apart. */
export function drawDefinitions(id) {
  const heads = [...Object.keys(CLAUSE_WORDS), "untaken"].map((clause) =>
    svg("marker", {
      id: `${id}-${clause}`, class: `graph-head clause-${clause}`, viewBox: "0 0 8 8", refX: 7, refY: 4,
      markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto",
    }, svg("path", { d: "M0 0 8 4 0 8Z" })),
  );
  const hatching = svg("pattern", {
    id: `${id}-hatching`, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
  }, svg("rect", { width: 7, height: 7, class: "graph-hatch-ground" }),
  svg("rect", { width: 3, height: 7, class: "graph-hatch-line" }));
  return svg("defs", {}, ...heads, hatching);
}

/** Draw one edge: the line that is seen and a broad one that is easy to point at. */
export function drawEdge(edge, points, id) {
  const line = pathThrough(points);
  const group = svg("g", { class: "graph-edge", "data-from": edge.from, "data-to": edge.to },
    svg("path", { class: "graph-edge-hit", d: line }),
    svg("path", { class: "graph-edge-line", d: line }));
  if (edge.guard !== null && edge.guard !== undefined && points.length) {
    const middle = middleOf(points);
    group.append(svg("path", { class: "graph-guard", transform: `translate(${middle.x} ${middle.y})`,
      d: "M0 -5 5 0 0 5 -5 0Z" }));
  }
  restyleEdge(group, edge, id);
  return group;
}

/** Show whether the edge was taken. */
export function restyleEdge(group, edge, id) {
  const taken = edge.is_taken ? "is-taken" : "is-untaken";
  group.setAttribute("class", `graph-edge clause-${edge.clause} ${taken}`);
  group.querySelector(".graph-edge-line").setAttribute("marker-end", `url(#${id}-${edge.clause})`);
}

/** Say in words what an edge means. */
export function describeEdge(edge) {
  const way = `${edge.from} → ${edge.to}`;
  const guard = edge.guard ? ` when ${edge.guard}` : "";
  return `${way}, ${CLAUSE_WORDS[edge.clause] || edge.clause}${guard}`;
}

/** Draw one node as a link, or as a button if it leads nowhere. */
export function drawNode(node, at, isRun) {
  const { width, height } = at;
  const name = node.href ? "a" : "g";
  const group = svg(name, {
    transform: `translate(${at.x - width / 2} ${at.y - height / 2})`,
    "data-name": node.name, tabindex: "-1", role: node.href ? "link" : "button",
  });
  const radius = node.kind === "command" ? height / 2 : 9;
  if (node.kind === "workflow") {
    group.append(svg("rect", { class: "graph-behind", x: 4, y: 4, width, height, rx: radius }));
  }
  group.append(svg("rect", { class: "graph-box", width, height, rx: radius }), svg("g", { class: "graph-inside" }));
  restyleNode(group, node, at, isRun);
  return group;
}

/**
 * Show state, texts and badges of a node that is drawn already. Its texts are its name for screen readers as well, so
 * spaces stand between them.
 */
export function restyleNode(group, node, at, isRun) {
  const look = lookOf(node, isRun);
  const marks = [...group.classList].filter((one) => one.startsWith("is-"));
  group.setAttribute("class", ["graph-node", `kind-${node.kind}`, `state-${look.name}`, ...marks].join(" "));
  if (node.href) group.setAttribute("href", node.href);
  const inside = group.querySelector(".graph-inside");
  inside.replaceChildren(...(node.kind === "command" ? commandParts(node, look, at) : taskParts(node, look, at)));
  if (inside.textContent.includes("…")) group.setAttribute("aria-description", `${node.name} ${node.label}`);
}

function commandParts(node, look, at) {
  return [icon(look, 17, at.height / 2),
    svg("text", { class: "graph-name", x: 32, y: at.height / 2 + 4.5 }, node.label)];
}

function taskParts(node, look, at) {
  const room = at.width - 44 - 12;
  const second = svg("text", { class: "graph-label", x: 44, y: 40 });
  if (look.word) second.append(svg("tspan", { class: "graph-word" }, look.word));
  const shown = look.word ? `  ${node.label}` : node.label;
  second.append(svg("tspan", {}, fit(shown, fonts.label, room - (look.word ? look.word.length * 6.6 : 0))));
  const parts = [
    icon(look, 23, at.height / 2),
    svg("text", { class: "graph-name", x: 44, y: 23 }, `${fit(node.name, fonts.name, room)} `),
    second,
  ];
  if (node.join !== null && node.join !== undefined) {
    parts.push(badge({ kind: "join", text: `join ${node.join}` }, 12, -9));
  }
  let right = at.width - 10;
  for (const one of [...node.badges].reverse()) {
    right -= badgeWidth(one);
    parts.push(badge(one, right, at.height - 8));
    right -= 4;
  }
  return parts;
}

function icon(look, x, y) {
  const group = svg("g", { class: "graph-icon", transform: `translate(${x} ${y})` });
  if (look.name === "running") group.append(svg("circle", { class: "graph-pulse", r: 11 }));
  group.append(svg("circle", { class: "graph-icon-ground", r: 11 }), svg("path", { d: look.icon }));
  return group;
}

function badge(one, x, y) {
  return svg("g", { class: `graph-badge badge-${one.kind}`, transform: `translate(${x} ${y})` },
    svg("rect", { width: badgeWidth(one), height: 17, rx: 8.5 }),
    svg("text", { x: 7, y: 12 }, ` ${one.text}`));
}

/** A line through points whose corners are round. */
export function pathThrough(points) {
  if (!points.length) return "";
  const [first, ...rest] = points;
  let path = `M${round(first.x)} ${round(first.y)}`;
  rest.slice(0, -1).forEach((point, index) => {
    const next = rest[index + 1];
    const end = index === rest.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    path += `Q${round(point.x)} ${round(point.y)} ${round(end.x)} ${round(end.y)}`;
  });
  if (rest.length === 1) path += `L${round(rest[0].x)} ${round(rest[0].y)}`;
  return path;
}

/** A point that lies on the line, about half way. */
function middleOf(points) {
  const index = (points.length - 1) >> 1;
  const [one, two] = [points[index], points[index + 1] || points[index]];
  if (points.length !== 3) return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
  const mean = (key) => (points[0][key] + 2 * points[1][key] + points[2][key]) / 4;
  return { x: mean("x"), y: mean("y") };
}

function round(value) {
  return Math.round(value * 10) / 10;
}
