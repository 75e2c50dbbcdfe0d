// <levante-live src seq final>: keeps the page of an execution up to date.
//
// Asks for what has changed behind a sequence number, every 1.5 seconds while the page is in sight and
// every 15 when it is not, and stops at the end of the execution. Parts of the page with `data-live`
// are then read anew; a graph takes its states from the answer.

// A change has to be seen within 2 seconds, with the answer and the drawing.
const IN_SIGHT = 1500;
const HIDDEN = 15000;
const SMALL_GRAPH = 300;
// A panel that opens over the page changes the address.
const PAGE = location.href;

class LevanteLive extends HTMLElement {
  connectedCallback() {
    this.seq = this.getAttribute("seq");
    this.tag = "";
    if (this.hasAttribute("final")) return;
    this.wake = () => { if (!document.hidden) this.plan(0); };
    document.addEventListener("visibilitychange", this.wake);
    this.plan(IN_SIGHT);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.wake);
  }

  plan(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), milliseconds);
  }

  async look() {
    let isOver = false;
    try {
      isOver = await this.ask();
    } catch {
      // The server cannot be reached: the next look tells more.
    }
    if (!isOver && this.isConnected) this.plan(document.hidden ? HIDDEN : IN_SIGHT);
  }

  async ask() {
    const url = `${this.getAttribute("src")}?after=${this.seq}`;
    const answer = await fetch(url, { cache: "no-store", headers: this.tag ? { "If-None-Match": this.tag } : {} });
    if (answer.status === 404) return true;
    if (answer.status !== 200 || answer.redirected) return false;
    const changes = await answer.json();
    const isSame = String(changes.seq) === this.seq;
    // Items end without an event of their own.
    const isNews = !isSame || changes.items_done !== this.itemsDone || changes.execution.is_final;
    this.seq = String(changes.seq);
    this.itemsDone = changes.items_done;
    // The tag belongs to the address, which changes with the number.
    this.tag = isSame ? answer.headers.get("ETag") || "" : "";
    if (isNews) await this.show(changes);
    return changes.execution.is_final;
  }

  async show(changes) {
    const graph = document.querySelector("levante-graph[data-source]");
    if (graph && changes.tasks.length) {
      graph.update(changes.tasks.map(({ name, state }) => ({ name, state })));
    }
    // Ways and badges are in the graph itself, which costs something to make for a large one.
    const isSmall = graph && graph.data.nodes.length <= SMALL_GRAPH;
    if (graph && changes.tasks.length && (isSmall || changes.execution.is_final)) {
      const answer = await fetch(graph.dataset.source, { cache: "no-store" });
      if (answer.ok) graph.data = await answer.json();
    }
    await refresh();
    this.dispatchEvent(new CustomEvent("live-change", { bubbles: true, detail: changes }));
  }
}

/** Read the page again, and put its parts in the place of those that are shown. */
export async function refresh() {
  const url = new URL(PAGE);
  url.searchParams.set("partial", "1");
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!next || part.innerHTML === next.innerHTML || isInUse(part)) continue;
    for (const details of part.querySelectorAll("details[open][id]")) {
      const same = next.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = true;
    }
    part.replaceChildren(...next.childNodes);
  }
}

/** Nothing is pulled away under somebody who types or has chosen rows. */
function isInUse(part) {
  if (part.querySelector("input[name=chosen]:checked")) return true;
  const active = document.activeElement;
  return active && active !== document.body && part.contains(active) && active.matches("input, select, textarea");
}

customElements.define("levante-live", LevanteLive);
