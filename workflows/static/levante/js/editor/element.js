// <levante-editor>: a text area that becomes an editor. Without scripts it stays a text area.
//
//   <levante-editor language="yaml" check-url="..." names-url="..." label="Definition" graph>
//     <textarea name="text">...</textarea>
//   </levante-editor>
//
// `check-url` gets {text} by POST on each pause in typing and answers {problems: [...], workflows: [{name, graph,
// lines}]}; `names-url` answers what is completed. With `graph` the tasks are drawn beside the text, and a click on one
// goes to its lines. Fires `editor-change` with detail.text, and `editor-checked` with detail.problems.

import { autocompletion, EditorView, jsonParseLinter, linter, setDiagnostics } from "../../vendor/codemirror.js";
import { completeYaml } from "./completion.js";
import { keyOf } from "./outline.js";
import { setUp } from "./setup.js";
import { showProblems, summarize, toDiagnostics } from "./problems.js";

const PAUSE = 350;
// Why a text is not checked, by the status of the answer.
const REFUSALS = {
  403: "Your role does not allow it.",
  423: "The service is in maintenance: until it ends, nothing is checked or saved. Keep your text.",
};
const NO_WORDS = { keys: {}, commands: [], actions: [], workflows: [] };

class LevanteEditor extends HTMLElement {
  connectedCallback() {
    if (this.view) return;
    this.area = this.querySelector("textarea");
    this.words = null;
    this.workflows = [];
    this.build();
    this.area.hidden = true;
    this.area.form?.addEventListener("reset", () => setTimeout(() => this.setText(this.area.defaultValue)));
    this.area.addEventListener("focus", () => this.view.focus());
    if (this.has("names-url")) this.loadWords();
    if (this.has("check-url")) this.check();
  }

  disconnectedCallback() {
    clearTimeout(this.waiting);
    this.request?.abort();
  }

  has(name) {
    return Boolean(this.getAttribute(name));
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** Replace the text, as one step that can be undone. */
  setText(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  /** Go to a place in the text; both count from 1. */
  jump(line, column = 1) {
    const { doc } = this.view.state;
    const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
    this.view.dispatch({
      selection: { anchor: Math.min(at.from + column - 1, at.to) },
      effects: EditorView.scrollIntoView(at.from, { y: "center" }),
    });
    this.view.focus();
  }

  build() {
    const language = this.getAttribute("language") || "yaml";
    const text = make("div", "editor-text");
    this.view = new EditorView({
      doc: this.area.value,
      parent: text,
      extensions: [
        setUp({
          language,
          isReadOnly: this.area.readOnly,
          label: this.getAttribute("label") || "Text",
        }),
        language === "json" ? linter(emptyOr(jsonParseLinter()), { delay: PAUSE }) : [],
        this.has("names-url")
          ? autocompletion({ override: [completeYaml(() => this.words || NO_WORDS)], icons: false })
          : [],
        EditorView.updateListener.of((update) => this.onUpdate(update)),
      ],
    });
    this.panes = make("div", "editor-panes", text);
    this.append(this.panes);
    if (this.hasAttribute("graph")) this.buildGraph();
    if (this.has("check-url")) this.buildProblems();
  }

  buildGraph() {
    this.graph = document.createElement("levante-graph");
    this.choice = make("select", "editor-choice");
    this.choice.setAttribute("aria-label", "Workflow to draw");
    this.choice.hidden = true;
    this.choice.addEventListener("change", () => this.draw());
    this.panes.append(this.buildDivider(), make("div", "editor-graph", this.choice, this.graph));
    this.graph.addEventListener("node-select", (event) => {
      const line = this.shown?.lines[event.detail.name];
      if (line) this.jump(line);
    });
  }

  buildDivider() {
    const divider = make("div", "editor-divider");
    const attributes = { role: "separator", tabindex: "0", "aria-orientation": "vertical",
      "aria-label": "Width of the text", "aria-valuemin": "20", "aria-valuemax": "80", "aria-valuenow": "52" };
    Object.entries(attributes).forEach(([name, value]) => divider.setAttribute(name, value));
    const set = (percent) => {
      const bounded = Math.min(80, Math.max(20, percent));
      divider.setAttribute("aria-valuenow", Math.round(bounded));
      this.panes.style.setProperty("--editor-share", `${bounded}%`);
    };
    divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const { left, width } = this.panes.getBoundingClientRect();
      set(((event.clientX - left) / width) * 100);
    });
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -4, ArrowRight: 4 }[event.key];
      if (!step) return;
      event.preventDefault();
      set(Number(divider.getAttribute("aria-valuenow")) + step);
    });
    return divider;
  }

  buildProblems() {
    this.summary = make("p", "editor-summary", "Checking…");
    this.summary.setAttribute("role", "status");
    this.list = make("ul", "editor-problems");
    this.append(make("div", "editor-findings", this.summary, this.list));
  }

  onUpdate(update) {
    if (update.docChanged) {
      this.area.value = this.text;
      this.dispatchEvent(new CustomEvent("editor-change", { detail: { text: this.text }, bubbles: true }));
      if (this.has("check-url")) {
        clearTimeout(this.waiting);
        this.waiting = setTimeout(() => this.check(), PAUSE);
      }
    } else if (update.selectionSet && this.graph && this.view.hasFocus) {
      this.markTask();
    }
  }

  async loadWords() {
    const answer = await fetch(this.getAttribute("names-url"), { headers: { Accept: "application/json" } });
    if (answer.ok) this.words = await answer.json();
    this.dataset.words = this.words ? "known" : "unknown";
  }

  /** Ask the server what it thinks of the text. */
  async check() {
    this.request?.abort();
    this.request = new AbortController();
    const text = this.text;
    let result;
    try {
      const answer = await fetch(this.getAttribute("check-url"), {
        method: "POST",
        signal: this.request.signal,
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrfToken },
        body: JSON.stringify({ text }),
      });
      if (!answer.ok) throw new Error(REFUSALS[answer.status] || `The server answers ${answer.status}.`);
      result = await answer.json();
    } catch (error) {
      if (error.name !== "AbortError") this.showRefusal(error.message);
      return;
    }
    if (text === this.text) this.show(result);
  }

  showRefusal(why) {
    this.summary.textContent = `The text could not be checked. ${why}`;
    this.summary.dataset.worst = "warning";
  }

  get csrfToken() {
    return this.area.form?.elements.csrfmiddlewaretoken?.value || "";
  }

  show({ problems, workflows }) {
    const { state } = this.view;
    this.view.dispatch(setDiagnostics(state, toDiagnostics(problems, state.doc)));
    this.summary.textContent = summarize(problems);
    this.summary.dataset.worst = problems.some((one) => one.severity === "error") ? "error" : problems.length ? "warning" : "";
    showProblems(this.list, problems, (line, column) => this.jump(line, column));
    if (this.graph && workflows.length) this.offer(workflows);
    this.classList.toggle("is-stale", Boolean(this.graph) && !workflows.length);
    this.dispatchEvent(new CustomEvent("editor-checked", { detail: { problems }, bubbles: true }));
  }

  /** Draw one of the workflows of the text; which one can be chosen if there are several. */
  offer(workflows) {
    const before = this.choice.value;
    this.workflows = workflows;
    this.choice.replaceChildren(...workflows.map(({ name }) => new Option(name, name)));
    if (workflows.some(({ name }) => name === before)) this.choice.value = before;
    this.choice.hidden = workflows.length < 2;
    this.draw();
  }

  draw() {
    this.shown = this.workflows.find(({ name }) => name === this.choice.value);
    this.graph.data = this.shown.graph;
  }

  /** Mark the node of the task that the cursor is in. */
  markTask() {
    if (!this.shown) return;
    const line = this.view.state.doc.lineAt(this.view.state.selection.main.head).number;
    let found = null;
    for (const [name, start] of Object.entries(this.shown.lines)) {
      if (start <= line && (!found || start > this.shown.lines[found])) found = name;
    }
    const text = this.view.state.doc.line(line).text;
    const isOutside = keyOf(text)?.indent === 0;
    this.graph.select(isOutside ? null : found);
  }
}

/** An empty text is no mistake: the field may be left out. */
function emptyOr(check) {
  return (view) => (view.state.doc.toString().trim() ? check(view) : []);
}

function make(name, className, ...children) {
  const element = document.createElement(name);
  element.className = className;
  element.append(...children);
  return element;
}

customElements.define("levante-editor", LevanteEditor);
