// The list of problems below the editor, and their marks in the text.

const WORDS = { error: "Error", warning: "Warning" };

/** Turn problems (lines and columns from 1) into CodeMirror's marks. */
export function toDiagnostics(problems, doc) {
  return problems.map((problem) => {
    const line = doc.line(Math.min(Math.max(problem.line, 1), doc.lines));
    const text = line.text.replace(/\s+(#.*)?$/, "");
    const from = Math.min(line.from + Math.max(problem.column - 1, 0), line.to);
    const to = Math.max(from, Math.min(line.from + text.length, line.to));
    const hint = problem.hint ? ` (${problem.hint})` : "";
    return { from, to, severity: problem.severity, message: `${problem.message}${hint}` };
  });
}

/** Say in one line what was found. */
export function summarize(problems) {
  const errors = problems.filter((problem) => problem.severity === "error").length;
  const warnings = problems.length - errors;
  const parts = [count(errors, "error"), count(warnings, "warning")].filter(Boolean);
  return parts.length ? parts.join(", ") : "No problems";
}

function count(number, word) {
  return number ? `${number} ${word}${number === 1 ? "" : "s"}` : "";
}

/** Fill the list; a click on a problem calls `jump(line, column)`. */
export function showProblems(list, problems, jump) {
  list.replaceChildren(...problems.map((problem) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `editor-problem is-${problem.severity}`;
    button.append(
      part("strong", WORDS[problem.severity] || problem.severity),
      part("span", `Line ${problem.line}:${problem.column}`, "editor-place"),
      part("span", problem.message + (problem.hint ? ` — ${problem.hint}` : ""), "editor-message"),
    );
    if (problem.path) button.append(part("code", problem.path));
    button.addEventListener("click", () => jump(problem.line, problem.column));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

function part(name, text, className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}
