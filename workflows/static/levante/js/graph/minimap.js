// The small picture of a drawing that is larger than what is seen of it.

import { svg } from "./draw.js";
import { lookOf } from "./states.js";

const WIDEST = 180;
const HIGHEST = 120;

export class Minimap {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.window = svg("rect", { class: "graph-window" });
    this.boxes = new Map();
    this.element = svg("svg", { class: "graph-minimap", "aria-hidden": "true" });
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      this.go(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) this.go(event);
    });
  }

  /** Draw anew. */
  show(data, places, isRun) {
    const { width, height } = places;
    const scale = Math.min(WIDEST / width, HIGHEST / height);
    this.element.setAttribute("width", Math.max(width * scale, 24));
    this.element.setAttribute("height", Math.max(height * scale, 24));
    this.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.boxes = new Map(data.nodes.map((node) => {
      const at = places.nodes.get(node.name);
      return [node.name, svg("rect", { x: at.x - at.width / 2, y: at.y - at.height / 2,
        width: at.width, height: at.height })];
    }));
    data.nodes.forEach((node) => this.restyle(node, isRun));
    this.element.replaceChildren(...this.boxes.values(), this.window);
    this.follow();
  }

  /** Show the state of one node. */
  restyle(node, isRun) {
    const box = this.boxes.get(node.name);
    if (box) box.setAttribute("class", `state-${lookOf(node, isRun).name}`);
  }

  /** Show which part is seen; the picture hides while that is everything. */
  follow() {
    const { x, y, width, height } = this.view.seen;
    for (const [key, value] of Object.entries({ x, y, width, height })) {
      this.window.setAttribute(key, value);
    }
    this.element.classList.toggle("is-hidden", this.view.isWhole);
  }

  go(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const { size } = this.view;
    this.view.hasMoved = true;
    this.view.centre(((event.clientX - left) / width) * size.width, ((event.clientY - top) / height) * size.height);
  }
}
