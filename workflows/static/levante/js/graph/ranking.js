// Rows and the order within rows for large graphs, in time that grows with the number of edges. dagre calls these in the
// place of its own searches.

const SWEEPS = 8;

/** Give each node the first row below all that lead to it; starts stand right above what follows them. */
export function rankFromStart(graph) {
  const waiting = new Map(graph.nodes().map((name) => [name, graph.inEdges(name).length]));
  const ready = graph.nodes().filter((name) => waiting.get(name) === 0);
  const starts = [...ready];
  for (const name of graph.nodes()) graph.node(name).rank = 0;
  while (ready.length) {
    const name = ready.pop();
    for (const edge of graph.outEdges(name)) {
      const target = graph.node(edge.w);
      target.rank = Math.max(target.rank, graph.node(name).rank + graph.edge(edge).minlen);
      waiting.set(edge.w, waiting.get(edge.w) - 1);
      if (waiting.get(edge.w) === 0) ready.push(edge.w);
    }
  }
  for (const name of starts) {
    const rows = graph.outEdges(name).map((edge) => graph.node(edge.w).rank - graph.edge(edge).minlen);
    if (rows.length) graph.node(name).rank = Math.min(...rows);
  }
}

/** Put each node near the middle of its neighbours in the row above, then in the row below, and so on. */
export function orderByNeighbours(graph, orderAtFirst) {
  orderAtFirst(graph, { disableOptimalOrderHeuristic: true });
  const rows = [];
  const above = new Map();
  const below = new Map();
  for (const name of graph.nodes()) {
    const { rank, order } = graph.node(name);
    (rows[rank] ||= [])[order] = name;
    above.set(name, graph.inEdges(name).map((edge) => graph.node(edge.v)));
    below.set(name, graph.outEdges(name).map((edge) => graph.node(edge.w)));
  }
  const filled = rows.map((row) => row.filter(Boolean));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    const wanted = isDown ? filled : [...filled].reverse();
    for (const row of wanted) sortRow(row, isDown ? above : below, graph);
  }
}

function sortRow(row, neighbours, graph) {
  const places = new Map(row.map((name, index) => {
    const others = neighbours.get(name);
    const sum = others.reduce((total, other) => total + other.order, 0);
    return [name, others.length ? sum / others.length : index];
  }));
  row.sort((one, two) => places.get(one) - places.get(two));
  row.forEach((name, index) => { graph.node(name).order = index; });
}
