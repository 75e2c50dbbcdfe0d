// Everything the editor element needs of CodeMirror 6, in one module.
export { basicSetup, EditorView } from "codemirror";
export { EditorState, Compartment, StateEffect, StateField, RangeSetBuilder } from "@codemirror/state";
export { Decoration, keymap, placeholder } from "@codemirror/view";
export { indentWithTab } from "@codemirror/commands";
export { HighlightStyle, foldAll, indentService, indentUnit, syntaxHighlighting, syntaxTree, unfoldAll } from "@codemirror/language";
export { autocompletion, completeFromList } from "@codemirror/autocomplete";
export { forceLinting, lintGutter, linter, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
export { MergeView, unifiedMergeView } from "@codemirror/merge";
export { yaml } from "@codemirror/lang-yaml";
export { python } from "@codemirror/lang-python";
export { json, jsonParseLinter } from "@codemirror/lang-json";
export { tags } from "@lezer/highlight";
