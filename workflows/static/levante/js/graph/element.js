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

import { describeEdge, svg } from "./draw.js";
import { save, toPng, toSvg } from "./export.js";
import { keptPlaces } from "./kept.js";
import { nextNode } from "./keys.js";
import { place } from "./layout.js";
import { Minimap } from "./minimap.js";
import { Scene } from "./scene.js";
import { LEGEND } from "./states.js";
import { View } from "./view.js";

// Pixels by which a pointer may miss a node that is no more than a dot.
const NEAR = 4;

let counter = 0;

class LevanteGraph extends HTMLElement {
  constructor() {
    super();
    this.marks = `graph-${(counter += 1)}`;
    this.parts = null;
    this.data_ = { nodes: [], edges: [] };
    this.current = null;
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
    const isSame = this.data_.nodes.length > 0 && shapeOf(data) === this.shape;
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
      if (wasRun) this.scene.restyleNode(name);
    }
    if (!wasRun && this.isRun) this.restyle();
    this.paintLater();
    if (running && this.parts.follow.checked) this.reveal(running);
  }

  select(name) {
    this.scene.mark("is-selected", new Set([name]));
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
    this.scene = new Scene(drawing, this.marks);
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
          new Blob([toSvg(this.wholeDrawing(), view.size)], { type: "image/svg+xml" }), `${name()}.svg`)),
        button("Save as PNG", "PNG", async () => save(
          await toPng(this.wholeDrawing(), view.size), `${name()}.png`))));
  }

  wholeDrawing() {
    this.scene.drawAll();
    this.onView(); // hides again what is out of sight, once it has been copied
    return this.parts.drawing;
  }

  buildLegend() {
    const entries = LEGEND.map(([name, word, path]) => make("li", {},
      svg("svg", { viewBox: "-12 -12 24 24", width: 16, height: 16, class: `graph-sample state-${name}`, "aria-hidden": "true" },
        svg("g", { class: "graph-icon" }, svg("circle", { class: "graph-icon-ground", r: 11 }), svg("path", { d: path }))),
      word));
    return make("ul", { class: "graph-legend", "aria-label": "States" }, ...entries);
  }

  draw() {
    const { nodes } = this.data_;
    this.shape = shapeOf(this.data_);
    const began = performance.now();
    const direction = this.getAttribute("direction");
    this.places = keptPlaces(`${direction}${this.shape}`, nodes.length, () => place(this.data_, direction));
    const placed = performance.now();
    performance.measure("graph-layout", { start: began, end: placed });
    const isRun = this.isRun;
    this.classList.toggle("is-run", isRun);
    this.parts.note.textContent = nodes.length ? "" : "There are no tasks yet.";
    this.scene.show(this.data_, this.places, isRun);
    this.minimap.show(this.places, this.scene.paintOverview());
    this.view.size = { width: this.places.width, height: this.places.height };
    this.start = this.places.nodes.get(nodes[0]?.name);
    this.setCurrent(this.places.nodes.has(this.current) ? this.current : nodes[0]?.name);
    this.view.open(this.start);
    performance.measure("graph-draw", { start: placed });
  }

  onView() {
    this.minimap.follow();
    if (this.isPlanned || !this.scene.isLarge) return;
    this.isPlanned = true;
    requestAnimationFrame(() => {
      this.isPlanned = false;
      this.scene.follow(this.view.seen, this.view.isFar, this.current);
    });
  }

  restyle() {
    const isRun = this.isRun;
    this.classList.toggle("is-run", isRun);
    this.scene.restyle(this.data_, isRun);
    this.paintLater();
  }

  /** Show the states in the overview and in the small picture: once, however many have changed. */
  paintLater() {
    if (this.isPainting) return;
    this.isPainting = true;
    requestAnimationFrame(() => {
      this.isPainting = false;
      this.minimap.paint(this.scene.paintOverview());
    });
  }

  /** Make a node the one that Tab leads to. */
  setCurrent(name) {
    this.scene.nodes.get(this.current)?.setAttribute("tabindex", "-1");
    this.current = name;
    this.scene.node(name)?.setAttribute("tabindex", "0");
  }

  listen() {
    const { drawing, search } = this.parts;
    drawing.addEventListener("click", (event) => this.choose(event, this.nameAt(event)));
    drawing.addEventListener("keydown", (event) => this.onKey(event));
    drawing.addEventListener("focusin", (event) => {
      const node = event.target.closest(".graph-node");
      if (!node) return;
      this.setCurrent(node.dataset.name);
      // Somebody who comes by the keyboard sees no more than a dot from far away.
      if (this.scene.isLarge && this.view.isFar && node.matches(":focus-visible")) this.reveal(node.dataset.name);
    });
    drawing.addEventListener("pointermove", (event) => this.showTip(event));
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

  /** The node that an event is about; from far away its place tells it. */
  nameAt(event) {
    const node = event.target.closest(".graph-node");
    if (node || !this.scene.isLarge || !this.view.isFar) return node?.dataset.name;
    return this.scene.nameAt(this.view.placeOf(event), NEAR / this.view.scale);
  }

  choose(event, name) {
    if (!name) return;
    this.setCurrent(name);
    const wanted = this.dispatchEvent(new CustomEvent("node-select", { detail: { name }, bubbles: true, cancelable: true }));
    const isLink = event.target.closest("a") !== null;
    if (!wanted) event.preventDefault();
    else if (!isLink && event.type === "click" && this.scene.node(name).localName === "a") {
      location.href = this.scene.node(name).getAttribute("href");
    }
    this.select(name);
  }

  onKey(event) {
    const node = event.target.closest(".graph-node");
    if (event.key === "+" || event.key === "=") this.view.zoomIn();
    else if (event.key === "-") this.view.zoomOut();
    else if (event.key === "0") this.view.fit();
    else if (node && event.key === " ") node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    else if (node && event.key === "Enter" && node.localName === "g") this.choose(event, node.dataset.name);
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
    // It may have been out of sight until now.
    const node = this.scene.node(name);
    node.classList.remove("is-out");
    node.focus({ preventScroll: true });
  }

  find(text) {
    const wanted = text.trim().toLowerCase();
    this.found = [];
    for (const node of this.data_.nodes) {
      const isHit = wanted !== "" && `${node.name} ${node.label}`.toLowerCase().includes(wanted);
      if (isHit) this.found.push(node.name);
    }
    this.scene.mark("is-found", new Set(this.found));
    this.classList.toggle("is-searching", wanted !== "");
    this.parts.note.textContent = wanted === "" ? "" : `${this.found.length} found`;
    if (this.found.length) this.reveal(this.found[0]);
  }

  showTip(event) {
    const { tip } = this.parts;
    const text = event.buttons ? "" : this.tipFor(event);
    tip.hidden = !text;
    if (!text) return;
    const { left, top, width } = this.getBoundingClientRect();
    tip.textContent = text;
    tip.style.left = `${Math.max(4, Math.min(event.clientX - left + 12, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${event.clientY - top + 14}px`;
  }

  /** An edge tells its guard; a node only what had to be cut off. */
  tipFor(event) {
    const { target } = event;
    const edge = target.closest(".graph-edge")?.edge;
    if (edge) return describeEdge(edge);
    const name = this.nameAt(event);
    const node = name && this.data_.nodes.find((one) => one.name === name);
    const isLegible = target.closest(".graph-node") && !target.closest(".graph-node").textContent.includes("…");
    return node && !isLegible ? `${node.name} — ${node.label}` : "";
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
