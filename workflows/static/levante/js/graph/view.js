// What part of the drawing is seen: pan and zoom by the viewBox of the SVG.

const CLOSEST = 2.5;
const STEP = 1.25;
// Below this scale texts cannot be read and are left out.
const READABLE = 0.38;

export class View {
  /**
   * @param {SVGSVGElement} element
   * @param {{onChange: () => void}} options called after each move
   */
  constructor(element, { onChange }) {
    this.element = element;
    this.onChange = onChange;
    this.size = { width: 1, height: 1 };
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.pointers = new Map();
    this.hasMoved = false;
    this.listen();
  }

  get box() {
    const { clientWidth: width, clientHeight: height } = this.element;
    return { width: Math.max(width, 1), height: Math.max(height, 1) };
  }

  /** The seen part in the drawing's own units. */
  get seen() {
    const { width, height } = this.box;
    return { x: this.x, y: this.y, width: width / this.scale, height: height / this.scale };
  }

  /** Are texts too small to be read? */
  get isFar() {
    return this.scale < READABLE;
  }

  /** Where in the drawing a pointer is. */
  placeOf(event) {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: this.x + (event.clientX - left) / this.scale, y: this.y + (event.clientY - top) / this.scale };
  }

  /** Is all of the drawing in sight? */
  get isWhole() {
    const { x, y, width, height } = this.seen;
    return x <= 0 && y <= 0 && x + width >= this.size.width && y + height >= this.size.height;
  }

  /** Show everything; small drawings keep their size. */
  fit() {
    const { width, height } = this.box;
    this.scale = Math.min(1, width / this.size.width, height / this.size.height);
    this.hasMoved = false;
    this.centre(this.size.width / 2, this.size.height / 2);
  }

  /** Show everything if it can be read then; else begin at `start`, a box near the upper border. */
  open(start) {
    this.fit();
    if (this.scale < 0.45 && start) {
      this.scale = 0.8;
      const { width, height } = this.seen;
      // No empty ground at the sides, as long as there is something to show instead.
      const half = Math.min(width, this.size.width) / 2;
      const x = Math.min(Math.max(start.x, half), this.size.width - half);
      this.centre(x, start.y + height / 2 - 2 * start.height);
    }
  }

  centre(x, y) {
    const { width, height } = this.box;
    this.x = x - width / this.scale / 2;
    this.y = y - height / this.scale / 2;
    this.apply();
  }

  /** Zoom around a point of the element, by default its middle. */
  zoom(factor, at = { x: this.box.width / 2, y: this.box.height / 2 }) {
    const { width, height } = this.box;
    const smallest = Math.min(0.5, 0.8 * Math.min(width / this.size.width, height / this.size.height));
    const scale = Math.min(CLOSEST, Math.max(smallest, this.scale * factor));
    this.x += at.x / this.scale - at.x / scale;
    this.y += at.y / this.scale - at.y / scale;
    this.scale = scale;
    this.hasMoved = true;
    this.apply();
  }

  zoomIn() {
    this.zoom(STEP);
  }

  zoomOut() {
    this.zoom(1 / STEP);
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.hasMoved = true;
    this.apply();
  }

  /** Bring a box of the drawing into sight, if it is not. */
  reveal(box) {
    const seen = this.seen;
    const inside = box.x - box.width / 2 >= seen.x && box.x + box.width / 2 <= seen.x + seen.width &&
      box.y - box.height / 2 >= seen.y && box.y + box.height / 2 <= seen.y + seen.height;
    if (inside && this.scale >= READABLE) return;
    if (this.scale < READABLE) this.scale = 0.8;
    this.hasMoved = true;
    this.centre(box.x, box.y);
  }

  apply() {
    const { x, y, width, height } = this.seen;
    this.element.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    this.element.classList.toggle("is-far", this.isFar);
    this.onChange();
  }

  listen() {
    const { element } = this;
    element.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.onDown(event));
    element.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, (event) => this.onUp(event));
    }
    // A drag that began on a node is no click on it.
    element.addEventListener("click", (event) => {
      if (this.dragged > 6) {
        event.preventDefault();
        event.stopPropagation();
      }
    }, { capture: true });
    element.addEventListener("dragstart", (event) => event.preventDefault());
  }

  onWheel(event) {
    // The wheel alone scrolls the page, as everywhere; with Ctrl, or by pinching, it zooms.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { left, top } = this.element.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - left, y: event.clientY - top });
  }

  onDown(event) {
    if (event.button > 0) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.dragged = 0;
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    this.pointers.set(event.pointerId, now);
    this.dragged += Math.hypot(now.x - before.x, now.y - before.y);
    if (others.length) {
      this.pinch(before, now, others[0]);
    } else if (this.dragged > 3) {
      if (!this.element.hasPointerCapture(event.pointerId)) this.element.setPointerCapture(event.pointerId);
      this.pan(now.x - before.x, now.y - before.y);
    }
  }

  pinch(before, now, other) {
    const { left, top } = this.element.getBoundingClientRect();
    const ratio = Math.hypot(now.x - other.x, now.y - other.y) /
      Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
    this.zoom(ratio, { x: (now.x + other.x) / 2 - left, y: (now.y + other.y) / 2 - top });
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
  }
}
