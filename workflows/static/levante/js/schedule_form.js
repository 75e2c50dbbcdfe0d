// Says in words what a cron pattern means, and when it comes next, while it is typed.

const form = document.querySelector("form[data-preview]");
const reading = form.querySelector("[data-reading]");
const PAUSE = 250;
let waiting;
let request;

if (reading) {
  for (const name of ["pattern", "time_zone"]) {
    form.elements[name].addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(show, PAUSE);
    });
  }
  show();
}

async function show() {
  request?.abort();
  request = new AbortController();
  const query = new URLSearchParams({
    pattern: form.elements.pattern.value, time_zone: form.elements.time_zone.value,
  });
  try {
    const answer = await fetch(`${form.dataset.preview}?${query}`, { signal: request.signal });
    if (answer.ok) draw(await answer.json());
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function draw({ problem, words, slots }) {
  const line = document.createElement("p");
  line.textContent = problem || words;
  line.className = problem ? "lv-error" : "lv-strong";
  form.elements.pattern.setAttribute("aria-invalid", problem ? "true" : "false");
  const times = document.createElement("ol");
  times.className = "lv-times";
  times.append(...(slots || []).map((slot) => {
    const item = document.createElement("li");
    item.className = "lv-number";
    item.textContent = slot;
    return item;
  }));
  reading.replaceChildren(line, times);
}
