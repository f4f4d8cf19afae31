// A channel's log as it is written: the newest line last, and a pause for whoever reads.

import { times } from "./times.js";

/** Lines on the page, and lines that wait while it is paused. */
const LINES_MAX = 1_000;

/** After a refusal it is asked again. */
const AGAIN_MS = 5_000;

const list = document.querySelector("[data-log]");
let waiting = [];
let paused = false;

function filled({ at, level, message, fields, replica }) {
  const item = document.getElementById("log-line").content.firstElementChild.cloneNode(true);
  item.className = level;
  item.querySelector("time").dateTime = at;
  item.querySelector(".level").textContent = level;
  item.querySelector(".message").textContent = message;
  item.querySelector(".fields").append(...Object.entries(fields).flatMap(([name, value]) => {
    const field = document.createElement("bdi");
    field.textContent = `${name}=${value}`;
    return [field, " "];
  }));
  item.querySelector(".replica").textContent = replica;
  return item;
}

/** Shows what waits. Whoever reads further up stays there. */
function show() {
  const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const items = waiting.map(filled);
  waiting = [];
  list.append(...items);
  while (list.childElementCount > LINES_MAX) list.firstElementChild.remove();
  document.querySelector("[data-log-none]").hidden = list.childElementCount > 0;
  times(list);
  if (follows) list.scrollTop = list.scrollHeight;
}

let due = false;

function take(line) {
  waiting.push(line);
  if (waiting.length > LINES_MAX) waiting.shift();
  if (paused || due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    if (!paused) show();
  });
}

function cut(isCut) {
  document.getElementById("cut").hidden = !isCut;
}

function follow() {
  const source = new EventSource(list.dataset.log);
  // It begins with the last lines, each time.
  source.addEventListener("open", () => {
    cut(false);
    if (paused) return;
    waiting = [];
    list.replaceChildren();
  });
  source.addEventListener("line", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    cut(true);
    // A refusal ends it for good; what else happens the browser mends by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN_MS);
  });
}

function pausing(button) {
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? button.dataset.off : button.dataset.on;
    button.setAttribute("aria-pressed", String(paused));
    if (!paused) show();
  });
}

if (list !== null) {
  list.scrollTop = list.scrollHeight;
  pausing(document.querySelector("[data-pause]"));
  follow();
}
