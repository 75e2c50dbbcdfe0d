// What every page of ours has: dialogs that are pages of their own, and parts that keep up to date.
//
// A link with `data-dialog` opens the form behind its address in a dialog. Without scripts it is an
// ordinary link to the same form.

let dialog = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
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
