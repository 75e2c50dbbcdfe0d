// What a YAML text says by its indentation alone, so that half-written texts can be understood, too.

const KEY = /^(\s*)((?:- )*)(?:"([^"]+)"|'([^']+)'|([^\s#'"{[][^:#]*?))\s*:(?:\s|$)/;

/** Take a line apart: {indent, key} or null. List marks count as indentation. */
export function keyOf(line) {
  const match = KEY.exec(line);
  if (!match) return null;
  return { indent: match[1].length + match[2].length, key: match[3] || match[4] || match[5] };
}

/** The keys around a line (counted from 0), outermost first; `indent` is where the line's text begins. */
export function pathAt(lines, number, indent) {
  const path = [];
  let limit = indent;
  for (let index = number - 1; index >= 0 && limit > 0; index -= 1) {
    const found = keyOf(lines[index]);
    if (found && found.indent < limit) {
      path.unshift(found.key);
      limit = found.indent;
    }
  }
  return path;
}

/** The names of all tasks of the workflow around a line. */
export function taskNames(lines, number) {
  let start = number;
  while (start >= 0 && !isTasks(lines[start])) start -= 1;
  if (start < 0) start = lines.findIndex(isTasks);
  if (start < 0) return [];
  const outer = keyOf(lines[start]).indent;
  let inner = null;
  const names = [];
  for (const line of lines.slice(start + 1)) {
    if (!line.trim() || line.trimStart().startsWith("#")) continue;
    const indent = line.length - line.trimStart().length;
    if (indent <= outer) break;
    inner ??= indent;
    const found = keyOf(line);
    if (found && found.indent === inner) names.push(found.key);
  }
  return names;
}

function isTasks(line) {
  return line !== undefined && keyOf(line)?.key === "tasks";
}
