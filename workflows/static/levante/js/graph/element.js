// <levante-graph>: the tasks of a workflow and what leads from one to another.
//
// Takes {nodes: [{name, kind, label, join, href, state, badges}], edges: [{from, to, clause, guard, is_taken}]}
// as `element.data = ...` or as JSON in a <script type="application/json"> child. Further ways in:
//   element.update([{name, state, badges}])   states change in place
//   element.select(name)                      marks a node and brings it into sight
//   element.reveal(name)                      brings a node into sight
// A node that is chosen fires `node-select` with detail.name; if the event is cancelled, its link is not followed.
// States are those of tasks and ERROR_HANDLED; null is "not reached". Attributes: `direction` (TB or LR;
// by default what fits), `file-name` (of exports), `run` (shows states even before the first one).

import { cull } from "./cull.js";
import { describeEdge, drawDefinitions, drawEdge, drawNode, restyleEdge, restyleNode, svg } from "./draw.js";
import { save, toPng, toSvg } from "./export.js";
import { nextNode } from "./keys.js";
import { place } from "./layout.js";
import { Minimap } from "./minimap.js";
import { LEGEND } from "./states.js";
import { View } from "./view.js";

// Up to so many tasks the browser draws all of them faster than we find out which are in sight.
const SMALL = 150;

let counter = 0;

class LevanteGraph extends HTMLElement {
  constructor() {
    super();
    this.marks = `graph-${(counter += 1)}`;
    this.parts = null;
    this.data_ = { nodes: [], edges: [] };
    this.drawn = new Map();
    this.current = null;
    this.selected = null;
  }

  connectedCallback() {
    if (!this.parts) {
      const given = this.querySelector('script[type="application/json"]');
      this.build();
      if (given) this.data = JSON.parse(given.textContent);
      else if (this.data_.nodes.length) this.draw();
    }
    this.observer = new ResizeObserver(() => {
      if (this.view.hasMoved) this.view.apply();
      else this.view.open(this.start);
    });
    this.observer.observe(this.parts.canvas);
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  get data() {
    return this.data_;
  }

  set data(data) {
    const isSame = this.drawn.size > 0 && shapeOf(data) === shapeOf(this.data_);
    this.data_ = {
      nodes: data.nodes.map((node) => ({ ...node, badges: node.badges || [] })),
      edges: data.edges.map((edge) => ({ ...edge })),
    };
    if (!this.parts) return;
    if (isSame) this.restyle();
    else this.draw();
  }

  /** Change the states and badges of some nodes. */
  update(changes) {
    const nodes = new Map(this.data_.nodes.map((node) => [node.name, node]));
    const wasRun = this.isRun;
    let running = null;
    for (const { name, ...values } of changes) {
      const node = nodes.get(name);
      if (!node) continue;
      if (values.state === "RUNNING" && node.state !== "RUNNING") running = name;
      Object.assign(node, values);
      if (wasRun) this.restyleOne(node);
    }
    if (!wasRun && this.isRun) this.restyle();
    if (running && this.parts.follow.checked) this.reveal(running);
  }

  select(name) {
    if (this.selected) this.drawn.get(this.selected)?.classList.remove("is-selected");
    this.selected = name;
    this.drawn.get(name)?.classList.add("is-selected");
    if (name) this.reveal(name);
  }

  reveal(name) {
    const at = this.places?.nodes.get(name);
    if (at) this.view.reveal(at);
  }

  get isRun() {
    return this.hasAttribute("run") || this.data_.nodes.some((node) => node.state) ||
      this.data_.edges.some((edge) => edge.is_taken);
  }

  build() {
    const drawing = svg("svg", { class: "graph-drawing", role: "group", tabindex: "-1", "aria-label": "Graph of the tasks" });
    this.view = new View(drawing, { onChange: () => this.onView() });
    this.minimap = new Minimap(this.view);
    const canvas = make("div", { class: "graph-canvas" }, drawing, this.minimap.element);
    const tip = make("div", { class: "graph-tip", role: "tooltip", hidden: "" });
    const note = make("p", { class: "graph-note", role: "status" });
    const follow = make("input", { type: "checkbox" });
    const search = make("input", { type: "search", placeholder: "Find a task", "aria-label": "Find a task" });
    this.parts = { drawing, canvas, tip, note, follow, search };
    this.replaceChildren(this.buildBar(search, follow), canvas, this.buildLegend(), note, tip);
    this.listen();
  }

  buildBar(search, follow) {
    const button = (label, text, action) => {
      const made = make("button", { type: "button", "aria-label": label, title: label }, text);
      made.addEventListener("click", action);
      return made;
    };
    const name = () => this.getAttribute("file-name") || "workflow";
    const { view } = this;
    return make("div", { class: "graph-bar", role: "toolbar", "aria-label": "Graph" },
      search,
      make("label", { class: "graph-follow" }, follow, "Follow running"),
      make("span", { class: "graph-buttons" },
        button("Zoom out", icon("M-5 0H5"), () => view.zoomOut()),
        button("Zoom in", icon("M-5 0H5M0 -5V5"), () => view.zoomIn()),
        button("Fit everything in", "Fit", () => view.fit()),
        button("Full screen", icon("M-6 -2V-6H-2M2 -6H6V-2M6 2V6H2M-2 6H-6V2"), () => this.toggleFullscreen()),
        button("Save as SVG", "SVG", () => save(
          new Blob([toSvg(this.parts.drawing, view.size)], { type: "image/svg+xml" }), `${name()}.svg`)),
        button("Save as PNG", "PNG", async () => save(
          await toPng(this.parts.drawing, view.size), `${name()}.png`))));
  }

  buildLegend() {
    const entries = LEGEND.map(([name, word, path]) => make("li", {},
      svg("svg", { viewBox: "-12 -12 24 24", width: 16, height: 16, class: `graph-sample state-${name}`, "aria-hidden": "true" },
        svg("g", { class: "graph-icon" }, svg("circle", { class: "graph-icon-ground", r: 11 }), svg("path", { d: path }))),
      word));
    return make("ul", { class: "graph-legend", "aria-label": "States" }, ...entries);
  }

  draw() {
    const { drawing, note } = this.parts;
    const { nodes, edges } = this.data_;
    this.places = place(this.data_, this.getAttribute("direction"));
    const isRun = this.isRun;
    const lines = edges.map((edge, index) => drawEdge(edge, this.places.edges[index], this.marks));
    this.lines = lines;
    this.drawn = new Map(nodes.map((node) => [node.name, drawNode(node, this.places.nodes.get(node.name), isRun)]));
    drawing.replaceChildren(drawDefinitions(this.marks),
      svg("g", { class: "graph-edges", "aria-hidden": "true" }, ...lines),
      svg("g", { class: "graph-nodes" }, ...this.drawn.values()));
    lines.forEach((line, index) => { line.edge = edges[index]; });
    this.style.setProperty("--graph-hatching", `url(#${this.marks}-hatching)`);
    this.classList.toggle("is-run", isRun);
    note.textContent = nodes.length ? "" : "There are no tasks yet.";
    this.minimap.show(this.data_, this.places, isRun);
    this.view.size = { width: this.places.width, height: this.places.height };
    this.start = this.places.nodes.get(nodes[0]?.name);
    this.view.open(this.start);
    this.setCurrent(this.drawn.has(this.current) ? this.current : nodes[0]?.name);
    if (this.selected) this.drawn.get(this.selected)?.classList.add("is-selected");
  }

  onView() {
    this.minimap.follow();
    if (!this.isPlanned && this.drawn.size > SMALL) {
      this.isPlanned = true;
      requestAnimationFrame(() => {
        this.isPlanned = false;
        cull(this.drawn, this.lines, this.places, this.view.seen);
      });
    }
  }

  restyle() {
    this.classList.toggle("is-run", this.isRun);
    this.data_.nodes.forEach((node) => this.restyleOne(node));
    this.data_.edges.forEach((edge, index) => {
      restyleEdge(this.lines[index], edge, this.marks);
      this.lines[index].edge = edge;
    });
  }

  restyleOne(node) {
    const isRun = this.isRun;
    restyleNode(this.drawn.get(node.name), node, this.places.nodes.get(node.name), isRun);
    this.minimap.restyle(node, isRun);
  }

  /** Make a node the one that Tab leads to. */
  setCurrent(name) {
    this.drawn.get(this.current)?.setAttribute("tabindex", "-1");
    this.current = name;
    this.drawn.get(name)?.setAttribute("tabindex", "0");
  }

  listen() {
    const { drawing, search } = this.parts;
    drawing.addEventListener("click", (event) => this.choose(event, event.target.closest(".graph-node")));
    drawing.addEventListener("keydown", (event) => this.onKey(event));
    drawing.addEventListener("focusin", (event) => {
      const node = event.target.closest(".graph-node");
      if (node) this.setCurrent(node.dataset.name);
    });
    drawing.addEventListener("pointerover", (event) => this.showTip(event));
    drawing.addEventListener("pointerleave", () => { this.parts.tip.hidden = true; });
    search.addEventListener("input", () => this.find(search.value));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.found?.length) {
        event.preventDefault();
        this.found.push(this.found.shift());
        this.focusNode(this.found[this.found.length - 1]);
      }
    });
  }

  choose(event, node) {
    if (!node) return;
    const { name } = node.dataset;
    this.setCurrent(name);
    const wanted = this.dispatchEvent(new CustomEvent("node-select", { detail: { name }, bubbles: true, cancelable: true }));
    if (!wanted) event.preventDefault();
    this.select(name);
  }

  onKey(event) {
    const node = event.target.closest(".graph-node");
    if (event.key === "+" || event.key === "=") this.view.zoomIn();
    else if (event.key === "-") this.view.zoomOut();
    else if (event.key === "0") this.view.fit();
    else if (node && event.key === " ") node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    else if (node && event.key === "Enter" && node.localName === "g") this.choose(event, node);
    else if (node && this.moveFocus(event.key)) { /* done */ }
    else return;
    event.preventDefault();
  }

  moveFocus(key) {
    const name = nextNode(key, this.current, this.data_, this.places);
    if (name) this.focusNode(name);
    return Boolean(name);
  }

  focusNode(name) {
    this.setCurrent(name);
    this.reveal(name);
    this.drawn.get(name).focus({ preventScroll: true });
  }

  find(text) {
    const wanted = text.trim().toLowerCase();
    this.found = [];
    for (const node of this.data_.nodes) {
      const isHit = wanted !== "" && `${node.name} ${node.label}`.toLowerCase().includes(wanted);
      this.drawn.get(node.name).classList.toggle("is-found", isHit);
      if (isHit) this.found.push(node.name);
    }
    this.classList.toggle("is-searching", wanted !== "");
    this.parts.note.textContent = wanted === "" ? "" : `${this.found.length} found`;
    if (this.found.length) this.reveal(this.found[0]);
  }

  showTip(event) {
    const { tip } = this.parts;
    const text = this.tipFor(event.target);
    tip.hidden = !text;
    if (!text) return;
    const { left, top, width } = this.getBoundingClientRect();
    tip.textContent = text;
    tip.style.left = `${Math.max(4, Math.min(event.clientX - left + 12, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${event.clientY - top + 14}px`;
  }

  /** An edge tells its guard; a node only what had to be cut off. */
  tipFor(target) {
    const edge = target.closest(".graph-edge")?.edge;
    if (edge) return describeEdge(edge);
    const element = target.closest(".graph-node");
    const node = element && this.data_.nodes.find((one) => one.name === element.dataset.name);
    return node && element.textContent.includes("…") ? `${node.name} — ${node.label}` : "";
  }

  toggleFullscreen() {
    if (document.fullscreenElement === this) document.exitFullscreen();
    else this.requestFullscreen();
  }
}

function shapeOf({ nodes, edges }) {
  return JSON.stringify([
    nodes.map((node) => [node.name, node.kind, node.label, node.join, Boolean(node.href)]),
    edges.map((edge) => [edge.from, edge.to, edge.clause, edge.guard]),
  ]);
}

function icon(path) {
  return svg("svg", { viewBox: "-8 -8 16 16", width: 16, height: 16, class: "graph-sign", "aria-hidden": "true" },
    svg("path", { d: path }));
}

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

customElements.define("levante-graph", LevanteGraph);
