// The small picture of a drawing that is larger than what is seen of it.

import { svg } from "./draw.js";

const WIDEST = 180;
const HIGHEST = 120;

export class Minimap {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.window = svg("rect", { class: "graph-window" });
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
  show({ width, height }, boxes) {
    const scale = Math.min(WIDEST / width, HIGHEST / height);
    this.element.setAttribute("width", Math.max(width * scale, 24));
    this.element.setAttribute("height", Math.max(height * scale, 24));
    this.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.paint(boxes);
    this.follow();
  }

  /** Show the states: the boxes of all nodes, by how they look. */
  paint(boxes) {
    this.element.replaceChildren(...[...boxes].map(([look, d]) => svg("path", { class: look, d })), this.window);
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
