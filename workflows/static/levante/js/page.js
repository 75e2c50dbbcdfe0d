// What every page of ours has: dialogs that are pages of their own, and parts that keep up to date.
//
// A link with `data-dialog` opens the form behind its address in a dialog. Without scripts it is an
// ordinary link to the same form.

let dialog = null;
let isOpening = false;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href][data-dialog]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openDialog(link.href);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]") && dialog) {
    event.preventDefault();
    dialog.close();
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent);
  button.dataset.done = "true";
  const label = button.querySelector("span");
  const before = label.textContent;
  label.textContent = "Copied";
  setTimeout(() => { label.textContent = before; }, 1500);
});

async function openDialog(address) {
  // A second press of the button, before the first one has been answered, opens no second dialog.
  if (isOpening || dialog) return;
  isOpening = true;
  try {
    await showDialog(address);
  } finally {
    isOpening = false;
  }
}

async function showDialog(address) {
  const url = new URL(address, location.href);
  url.searchParams.set("partial", "1");
  if (!url.searchParams.has("next")) url.searchParams.set("next", location.pathname + location.search);
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (answer.redirected) { location.href = address; return; }
  dialog = document.createElement("dialog");
  dialog.className = "lv";
  const body = document.createElement("div");
  body.className = "lv-dialog-body";
  body.innerHTML = await answer.text();
  dialog.append(body);
  document.body.append(dialog);
  const heading = body.querySelector("h1, h2");
  if (heading) {
    heading.id ||= "lv-dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  dialog.addEventListener("close", () => { dialog.remove(); dialog = null; });
  dialog.showModal();
  const first = body.querySelector("[autofocus], textarea, input:not([type=hidden]), select, button");
  if (first) first.focus();
}

// Choosing rows: `data-choose-all` checks all boxes of its form; `data-chosen` shows how many are.
document.addEventListener("change", (event) => {
  const all = event.target.closest("input[data-choose-all]");
  const form = event.target.closest("form");
  if (!form) return;
  const boxes = [...form.querySelectorAll("input[name=chosen]")];
  if (all) for (const box of boxes) box.checked = all.checked;
  const count = boxes.filter((box) => box.checked).length;
  const shown = form.querySelector("[data-chosen]");
  if (shown) {
    shown.textContent = count === 1 ? "1 chosen" : `${count} chosen`;
    for (const bar of form.querySelectorAll("[data-needs-chosen]")) bar.hidden = count === 0;
  }
});

// A form whose fields act at once, such as filters.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// <levante-part src>: a part of the page that is read when it comes into sight, so that a page loads
// no more than it shows. With `every` it is read again after so many seconds.
class LevantePart extends HTMLElement {
  connectedCallback() {
    this.observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { this.observer.disconnect(); this.load(); }
    });
    this.observer.observe(this);
    if (!this.style.display) this.style.display = "block";
  }
  disconnectedCallback() { this.observer.disconnect(); clearTimeout(this.timer); }

  async load() {
    const url = new URL(this.getAttribute("src"), location.href);
    url.searchParams.set("partial", "1");
    try {
      const answer = await fetch(url, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      this.innerHTML = await answer.text();
      this.dispatchEvent(new CustomEvent("part-loaded", { bubbles: true }));
    } catch {
      if (!this.hasAttribute("every")) this.textContent = "This could not be loaded.";
    }
    const seconds = Number(this.getAttribute("every"));
    if (seconds && this.isConnected) this.timer = setTimeout(() => this.again(), seconds * 1000);
  }
  again() {
    if (document.hidden) this.timer = setTimeout(() => this.again(), 5000);
    else this.load();
  }
}
customElements.define("levante-part", LevantePart);

// A link with `data-panel` opens its page in a panel at the side; the address follows, so that the
// panel can be sent to somebody and the way back closes it.
let panel = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href][data-panel]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openPanel(link.href);
});

// The nodes of a graph are links to the panels of their tasks.
document.addEventListener("node-select", (event) => {
  const node = event.target.data?.nodes.find((one) => one.name === event.detail.name);
  if (!node?.href || !event.cancelable) return;
  event.preventDefault();
  openPanel(new URL(node.href, location.href).href);
});

window.addEventListener("popstate", () => { if (panel) panel.close(); });

async function openPanel(address) {
  const url = new URL(address);
  url.searchParams.set("partial", "1");
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (answer.redirected) { location.href = address; return; }
  const isOpen = panel !== null;
  if (!isOpen) {
    panel = document.createElement("dialog");
    panel.className = "lv lv-panel";
    panel.before_ = location.href;
    document.body.append(panel);
    panel.addEventListener("close", closePanel);
    panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "lv-button lv-button-small lv-panel-close";
  close.textContent = "Close";
  close.addEventListener("click", () => panel.close());
  const body = document.createElement("div");
  body.className = "lv-dialog-body";
  body.innerHTML = await answer.text();
  panel.replaceChildren(close, body);
  const heading = body.querySelector("h2");
  if (heading) {
    heading.id ||= "lv-panel-title";
    panel.setAttribute("aria-labelledby", heading.id);
  }
  if (isOpen) history.replaceState({ panel: true }, "", address);
  else history.pushState({ panel: true }, "", address);
  if (!panel.open) panel.showModal();
}

// What happens to the task in the panel shows there, too, unless somebody is typing in it.
document.addEventListener("live-change", async (event) => {
  const task = panel?.querySelector("[data-task]");
  if (!task || !event.detail.tasks.some((one) => one.id === task.dataset.task)) return;
  if (document.querySelector("dialog[open]:not(.lv-panel)")) return;
  const url = new URL(location.href);
  url.searchParams.set("partial", "1");
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok || !panel) return;
  const body = panel.querySelector(".lv-dialog-body");
  const open = [...body.querySelectorAll("details[open][id]")].map((one) => one.id);
  body.innerHTML = await answer.text();
  for (const id of open) {
    const same = document.getElementById(id);
    if (same) same.open = true;
  }
});

function closePanel() {
  const before = panel.before_;
  panel.remove();
  panel = null;
  if (location.href !== before) history.replaceState(null, "", before);
}

// On a small screen filters are folded, unless they are in use.
if (window.matchMedia("(max-width: 640px)").matches) {
  for (const box of document.querySelectorAll(".lv-filter-box:not([data-keep-open])")) box.open = false;
}

// On a small screen the tab that is open may lie beyond the edge of the row.
for (const tab of document.querySelectorAll(".lv-tabs a[aria-current=page]")) {
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
}
