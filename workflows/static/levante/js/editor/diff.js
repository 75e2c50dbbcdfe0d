// <levante-diff>: two texts side by side, or one below the other where there is little room.
//
//   <levante-diff label-a="Revision 1" label-b="Revision 2">
//     <script type="application/json">["old text", "new text"]</script>
//   </levante-diff>

import { EditorState, EditorView, MergeView, unifiedMergeView } from "../../vendor/codemirror.js";
import { setUp } from "./setup.js";

const NARROW = 720;

class LevanteDiff extends HTMLElement {
  connectedCallback() {
    if (this.made) return;
    const [before, after] = JSON.parse(this.querySelector("script").textContent);
    this.made = true;
    if (this.clientWidth < NARROW) this.showUnified(before, after);
    else this.showBoth(before, after);
  }

  extensions(label) {
    return [setUp({ isReadOnly: true, label }), EditorState.tabSize.of(2)];
  }

  showBoth(before, after) {
    new MergeView({
      parent: this,
      a: { doc: before, extensions: this.extensions(this.getAttribute("label-a")) },
      b: { doc: after, extensions: this.extensions(this.getAttribute("label-b")) },
      collapseUnchanged: { margin: 4, minSize: 8 },
      gutter: true,
    });
  }

  showUnified(before, after) {
    new EditorView({
      parent: this,
      doc: after,
      extensions: [
        this.extensions(this.getAttribute("label-b")),
        unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: { margin: 4, minSize: 8 } }),
      ],
    });
  }
}

customElements.define("levante-diff", LevanteDiff);
