// Keeps the last layout for as long as the tab is open: who goes from one view of a run to another and back waits once.

const KEY = "levante-graph-layout";
// Smaller graphs are laid out faster than the kept text is read.
const WORTH = 100;

/** Return the places that were kept for a shape, or those that `make` gives. */
export function keptPlaces(shape, size, make) {
  if (size < WORTH) return make();
  const kept = read(shape);
  if (kept) return kept;
  const places = make();
  const { nodes, ...rest } = places;
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ shape, rest, nodes: [...nodes] }));
  } catch { /* there is no room, or nothing may be kept: the next page does the work again */ }
  return places;
}

function read(shape) {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY));
    return found?.shape === shape ? { nodes: new Map(found.nodes), ...found.rest } : null;
  } catch {
    return null;
  }
}
