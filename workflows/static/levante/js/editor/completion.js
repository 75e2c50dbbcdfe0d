// Completion of keywords, and of the names of tasks, actions and workflows.

import { pathAt, taskNames } from "./outline.js";

const CLAUSES = ["on-success", "on-error", "on-complete", "on-skip"];
const TRUTH = ["true", "false"];
const VALUES = {
  type: ["direct", "reverse"],
  join: ["all", "one"],
  "pause-before": TRUTH,
  "keep-result": TRUTH,
  "safe-rerun": TRUTH,
  version: ["'2.0'"],
};

/**
 * Make a source of completions for CodeMirror.
 * @param {() => {keys: Object<string, string[]>, commands: string[], actions: Array, workflows: Array}} words
 */
export function completeYaml(words) {
  return (context) => {
    const { doc } = context.state;
    const line = doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const word = /[\w.'-]*$/.exec(before)[0];
    if (!word && !context.explicit && !/[:[,-]\s$/.test(before)) return null;
    const lines = doc.toString().split("\n");
    const options = propose(lines, line.number - 1, before.slice(0, before.length - word.length), words());
    return options.length ? { from: context.pos - word.length, options, validFor: /^[\w.'-]*$/ } : null;
  };
}

/** What may stand behind `before` in a line. */
export function propose(lines, number, before, words) {
  const value = /^\s*(?:- )*([\w-]+):\s+(?:\[?(?:[^\]]*,)?\s*)?$/.exec(before);
  if (value) return ofKey(value[1], lines, number, words);
  if (!/^\s*(- )*$/.test(before)) return [];
  const path = pathAt(lines, number, before.length);
  const parent = path[path.length - 1];
  const isItem = /-\s$/.test(before);
  if (CLAUSES.includes(parent) || (parent === "next" && path.length > 1)) {
    const targets = targetsOf(lines, number, words);
    return isItem || parent === "next" ? targets : [...plain(words.keys.clause, ": "), ...targets];
  }
  if (parent === "requires") return plain(taskNames(lines, number));
  return isItem ? [] : plain(keysAt(path, words.keys), ": ");
}

function ofKey(key, lines, number, words) {
  if (key === "action" || key === "base") return words.actions.map((one) => option(one, "function"));
  if (key === "workflow") return words.workflows.map((one) => option(one, "class"));
  if (CLAUSES.includes(key) || key === "next") return targetsOf(lines, number, words);
  if (key === "requires") return plain(taskNames(lines, number));
  return plain(VALUES[key] || []);
}

function targetsOf(lines, number, words) {
  const tasks = taskNames(lines, number).map((name) => ({ label: name, type: "variable", detail: "task" }));
  const commands = words.commands.filter((name) => !tasks.some((task) => task.label === name));
  return [...tasks, ...commands.map((name) => ({ label: name, type: "keyword", detail: "command" }))];
}

/** The keys that may stand below a path. */
function keysAt(path, keys) {
  const [, section, task, part] = path[0] === "workflows" || path[0] === "actions" ? path.slice(1) : path;
  if (!path.length) return keys.document;
  const isMember = path[0] === "workflows" || path[0] === "actions";
  if (isMember && path.length === 1) return [];
  if (path[0] === "actions" || keys.kind === "action") return section ? [] : keys.action;
  if (!section) return keys.workflow;
  if (section === "task-defaults") return task === "retry" ? keys.retry : task ? [] : keys.defaults;
  if (section !== "tasks" || !task) return [];
  if (part === "retry") return keys.retry;
  return part ? [] : keys.task;
}

function option({ name, input, description }, type) {
  return { label: name, type, detail: input, info: description || undefined };
}

function plain(names, ending = "") {
  return names.map((label) => ({ label, type: "keyword", apply: label + ending }));
}
