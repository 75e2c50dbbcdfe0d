// Keeps the REST call and the command line beside a run form up to date with what is in it.

const form = document.querySelector("form[data-preview]");
const PAUSE = 300;
let waiting;
let request;

form.addEventListener("input", plan);
form.addEventListener("editor-change", plan);

function plan() {
  clearTimeout(waiting);
  waiting = setTimeout(show, PAUSE);
}

async function show() {
  request?.abort();
  request = new AbortController();
  try {
    const answer = await fetch(form.dataset.preview, {
      method: "POST", body: new FormData(form), signal: request.signal,
    });
    if (!answer.ok) return;
    const texts = await answer.json();
    document.getElementById("as-request").textContent = texts.request;
    document.getElementById("as-command").textContent = texts.command;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}
