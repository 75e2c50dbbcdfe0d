// Moving through the graph with the keyboard: along edges, and between neighbours of one row.

/** Give the node that a key leads to from the current one, or null. */
export function nextNode(key, current, data, places) {
  const at = places.nodes.get(current);
  switch (key) {
    case "ArrowDown":
      return along(data.edges.filter((edge) => edge.from === current).map((edge) => edge.to), at, places) ||
        nearest(at, places, (box) => box.y > at.y + 10);
    case "ArrowUp":
      return along(data.edges.filter((edge) => edge.to === current).map((edge) => edge.from), at, places) ||
        nearest(at, places, (box) => box.y < at.y - 10);
    case "ArrowRight":
      return nearest(at, places, (box) => box.x > at.x + 10, 4);
    case "ArrowLeft":
      return nearest(at, places, (box) => box.x < at.x - 10, 4);
    case "Home":
      return data.nodes[0].name;
    case "End":
      return data.nodes[data.nodes.length - 1].name;
    default:
      return null;
  }
}

function along(names, at, places) {
  const others = [...new Set(names)].filter((name) => places.nodes.has(name) && places.nodes.get(name) !== at);
  return others.sort((one, two) =>
    Math.abs(places.nodes.get(one).x - at.x) - Math.abs(places.nodes.get(two).x - at.x))[0] || null;
}

/** The nearest node that fits; `flatness` makes differences of height count more. */
function nearest(at, places, fits, flatness = 1) {
  let [best, least] = [null, Infinity];
  for (const [name, box] of places.nodes) {
    if (!fits(box)) continue;
    const distance = Math.abs(box.x - at.x) + flatness * Math.abs(box.y - at.y);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}
