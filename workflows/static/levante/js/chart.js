// <levante-series>: runs over time as lines, by uPlot. The buttons with `data-range` name its sources.
import uPlot from "../vendor/uplot.js";

class LevanteSeries extends HTMLElement {
  connectedCallback() {
    this.buttons = [...document.querySelectorAll("button[data-range]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.choose(button));
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(document.documentElement, { attributeFilter: ["class"] });
    this.size = new ResizeObserver(() => this.plot?.setSize(this.place()));
    this.size.observe(this);
    this.choose(this.buttons[0]);
    this.timer = setInterval(() => { if (!document.hidden) this.load(); }, 30000);
  }
  disconnectedCallback() { clearInterval(this.timer); this.theme.disconnect(); this.size.disconnect(); }

  choose(button) {
    for (const one of this.buttons) one.setAttribute("aria-pressed", String(one === button));
    this.source = button.dataset.range;
    this.load();
  }
  async load() {
    const source = this.source;
    const answer = await fetch(source);
    if (!answer.ok || source !== this.source) return;
    this.series = await answer.json();
    this.draw();
  }
  place() { return { width: this.clientWidth, height: 220 }; }

  draw() {
    if (!this.series || !this.clientWidth) return;
    const color = (name) => getComputedStyle(this).getPropertyValue(`--lv-${name}`).trim();
    const line = (label, name, fill) => ({
      label, stroke: color(name), width: 1.75, fill: fill ? color(`${name}-soft`) : undefined,
      points: { show: false }, value: (_, value) => (value === null ? "–" : String(value)),
    });
    const axis = { stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: "12px Inter, sans-serif" };
    const { times, started, succeeded, failed } = this.series;
    this.plot?.destroy();
    this.replaceChildren();
    this.plot = new uPlot({
      ...this.place(),
      cursor: { drag: { x: true, y: false } },
      scales: { y: { range: (_, low, high) => [0, Math.max(4, high * 1.1)] } },
      axes: [axis, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }],
      series: [{ value: (_, at) => (at === null ? "–" : new Date(at * 1000).toLocaleString()) }, line("started", "running", true), line("succeeded", "success"), line("failed", "error")],
    }, [times, started, succeeded, failed], this);
    const total = (values) => values.reduce((sum, value) => sum + value, 0);
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", `Started ${total(started)}, succeeded ${total(succeeded)}, failed ${total(failed)}`);
  }
}
customElements.define("levante-series", LevanteSeries);
