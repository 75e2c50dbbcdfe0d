// Leaves out of a large drawing what is not in sight: the browser lays out all texts at each move.

/** Show the nodes and edges that touch the seen part, hide the others. */
export function cull(drawn, lines, places, seen) {
  const [left, top] = [seen.x - seen.width / 4, seen.y - seen.height / 4];
  const [right, bottom] = [seen.x + seen.width * 1.25, seen.y + seen.height * 1.25];
  for (const [name, element] of drawn) {
    const at = places.nodes.get(name);
    const isOut = at.x + at.width / 2 < left || at.x - at.width / 2 > right ||
      at.y + at.height < top || at.y - at.height > bottom;
    toggle(element, isOut && element !== document.activeElement);
  }
  lines.forEach((element, index) => {
    const points = places.edges[index];
    toggle(element, points.every((point) => point.x < left) || points.every((point) => point.x > right) ||
      points.every((point) => point.y < top) || points.every((point) => point.y > bottom));
  });
}

function toggle(element, isOut) {
  if (element.classList.contains("is-out") !== isOut) element.classList.toggle("is-out", isOut);
}
