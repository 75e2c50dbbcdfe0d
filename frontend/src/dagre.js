// The layered layout of graphs.
export { Graph, layout } from "@dagrejs/dagre";
