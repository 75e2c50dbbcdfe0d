// The states of tasks as the graph shows them: a word, an icon and (in graph.css) a colour.

const CHECK = "M-4.5 .5 -1.5 3.5 4.5 -3";
const CROSS = "M-3.5 -3.5 3.5 3.5M3.5 -3.5 -3.5 3.5";
const CLOCK = "M0 -4.5V0L3 2";

/** State -> [class, word, icon]. The icon is a path around 0,0 drawn with a stroke. */
const STATES = {
  IDLE: ["waiting", "Idle", "M-4 0H4"],
  WAITING: ["waiting", "Waiting", CLOCK],
  DELAYED: ["waiting", "Delayed", CLOCK],
  RUNNING: ["running", "Running", "M-2.5 -4 4 0 -2.5 4Z"],
  PAUSED: ["paused", "Paused", "M-2.2 -4V4M2.2 -4V4"],
  SUCCESS: ["success", "Success", CHECK],
  ERROR: ["error", "Error", CROSS],
  ERROR_HANDLED: ["handled", "Error, handled", "M0 -4.5V1M0 4V4.4"],
  CANCELLED: ["cancelled", "Cancelled", "M-3 -3H3V3H-3Z"],
  SKIPPED: ["skipped", "Skipped", "M-4 -3.5 -.5 0 -4 3.5M.8 -3.5 4.3 0 .8 3.5"],
};

const NOT_REACHED = ["idle", "Not reached", "M-3 0H3"];

const KINDS = {
  action: "M1 -5 -3.5 .8H0L-1 5 3.5 -.8H0Z",
  workflow: "M-4.5 -4.5H1V1H-4.5ZM-1 3.5V4.5H4.5V-1H3.5",
  fail: CROSS,
  succeed: CHECK,
  pause: "M-2.2 -4V4M2.2 -4V4",
  noop: "M-3 0H3",
};

/** Tell how a node looks. Without a run (`isRun` false) the icon tells what kind of node it is. */
export function lookOf(node, isRun) {
  if (node.kind === "command") {
    return { name: `command-${node.label}`, word: "", icon: KINDS[node.label] || KINDS.noop };
  }
  if (!isRun) {
    return { name: "plain", word: "", icon: KINDS[node.kind] || KINDS.action };
  }
  const [name, word, icon] = STATES[node.state] || NOT_REACHED;
  return { name, word, icon };
}

/** The states of the legend, in the order of a run. */
export const LEGEND = [NOT_REACHED, ...["RUNNING", "WAITING", "PAUSED", "SUCCESS", "ERROR", "ERROR_HANDLED",
  "SKIPPED", "CANCELLED"].map((state) => STATES[state])];
