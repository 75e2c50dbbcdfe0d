// How CodeMirror is set up: languages, colours from the page's custom properties, keys.

import {
  basicSetup, EditorState, EditorView, HighlightStyle, indentService, indentUnit, indentWithTab, json, keymap, lintGutter,
  python, syntaxHighlighting, tags, yaml,
} from "../../vendor/codemirror.js";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string), tags.content], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom], color: "var(--code-value)" },
  { tag: [tags.comment, tags.lineComment, tags.meta], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--code-sign)" },
  { tag: tags.invalid, color: "var(--code-bad)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--code-plain)", backgroundColor: "var(--code-ground)", fontSize: "13px" },
  ".cm-content": { fontFamily: "var(--code-font)", caretColor: "var(--code-plain)", padding: "10px 0" },
  ".cm-scroller": { fontFamily: "var(--code-font)", lineHeight: "1.55" },
  // The frame around it shows the focus (editor.css).
  "&.cm-focused": { outline: "none" },
  ".cm-gutters": { backgroundColor: "var(--code-gutter)", color: "var(--code-sign)", borderRight: "1px solid var(--code-line)" },
  ".cm-activeLine": { backgroundColor: "var(--code-active)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--code-active)", color: "var(--code-plain)" },
  ".cm-cursor": { borderLeftColor: "var(--code-plain)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--code-selection)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--code-match)" },
  ".cm-selectionMatch": { backgroundColor: "var(--code-match)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--code-raised)", color: "var(--code-plain)", border: "1px solid var(--code-line)", borderRadius: "6px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--code-font)", maxHeight: "16em" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--code-focus)", color: "var(--code-ground)" },
  ".cm-completionDetail": { color: "inherit", opacity: "0.8" },
  ".cm-completionInfo": { maxWidth: "26rem", padding: "8px 10px", whiteSpace: "pre-line" },
  ".cm-diagnostic": { padding: "5px 10px", fontFamily: "system-ui, sans-serif" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--code-bad)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--code-doubt)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--code-match)", border: "0", color: "inherit" },
  "& .cm-collapsedLines": { background: "var(--code-gutter)", color: "var(--code-sign)", padding: "5px 12px", fontFamily: "system-ui, sans-serif" },
  "& .cm-collapsedLines:before, & .cm-collapsedLines:after": { content: "none" },
});

const languages = { yaml: () => [yaml(), indentService.of(indentYaml)], json, python };
const indents = { python: "    " };

/** Below a key that has no value yet the text goes on further in. */
function indentYaml(context, position) {
  const { text } = context.lineAt(position, -1);
  const [, spaces, marks] = /^(\s*)((?:- )*)/.exec(text);
  if (/:\s*(#.*)?$/.test(text)) return spaces.length + marks.length + 2;
  return /^[^#]*\S:\s/.test(text) ? spaces.length + marks.length : spaces.length;
}

/** The extensions that all our editors share. */
export function setUp({ language = "yaml", isReadOnly = false, label = "" } = {}) {
  return [
    basicSetup,
    languages[language](),
    indentUnit.of(indents[language] || "  "),
    // Tab indents; Escape and then Tab leaves the editor.
    isReadOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(true)] : keymap.of([indentWithTab]),
    syntaxHighlighting(colours),
    theme,
    isReadOnly ? [] : lintGutter(),
    EditorView.lineWrapping,
    // What can be edited can be focused anyway; checkers know it by the number alone.
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
  ];
}
