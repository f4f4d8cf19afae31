// An import: a file or a text, first tried, then done. What was tried is what is done: another text is tried again.

import { call, say, texts } from "./api.js";

/** A line for each resource that something is made of, and one for all that stay. */
function lines(place, body) {
  const words = place.dataset;
  const line = (word, { resource, name, changes }) => {
    const item = document.createElement("li");
    item.className = "check ok";
    const strong = document.createElement("strong");
    strong.textContent = word;
    const what = document.createElement("bdi");
    what.textContent = name;
    const fields = document.createElement("span");
    fields.className = "message code";
    fields.textContent = changes.map((change) => change.pointer).join(" ");
    item.append(strong, ` ${words[resource]} `, what, " ", fields);
    return item;
  };
  const made = body.created.map((row) => line(words.created, row));
  const changed = body.changed.map((row) => line(words.changed, row));
  const rest = document.createElement("li");
  rest.className = "check";
  rest.textContent = `${words.unchanged} ${body.unchanged.length}`;
  return [...made, ...changed, rest];
}

function failed(form, problem) {
  const errors = problem.errors ?? [];
  const said = errors.length === 0 ? [problem.detail ?? texts.failed] : errors.map((error) => `${error.pointer} ${error.message}`);
  const rest = form.querySelector(".rest");
  rest.replaceChildren(...said.map((text) => {
    const item = document.createElement("p");
    item.textContent = text;
    return item;
  }));
  rest.hidden = false;
  say(texts.refused, true);
  rest.focus();
}

async function sent(form, isTried) {
  const [trying, doing] = form.querySelectorAll("button");
  const place = document.getElementById("imported");
  form.querySelector(".rest").hidden = true;
  say("");
  trying.disabled = true;
  doing.disabled = true;
  const area = form.querySelector("textarea");
  const text = area.value;
  const answer = await call("POST", `${form.dataset.import}?dry_run=${isTried}`, text);
  trying.disabled = false;
  place.hidden = true;
  if (!answer.ok) {
    failed(form, answer.body);
    return;
  }
  place.replaceChildren(...lines(place, answer.body));
  place.hidden = false;
  const isSomething = answer.body.created.length + answer.body.changed.length > 0;
  // What was written meanwhile was not tried.
  doing.disabled = !isTried || !isSomething || area.value !== text;
  if (isTried && !isSomething) say(place.dataset.nothing);
  else if (!isTried) say(texts.done);
}

for (const form of document.querySelectorAll("form[data-import]")) {
  const text = form.querySelector("textarea");
  const doing = form.querySelectorAll("button")[1];
  text.addEventListener("input", () => { doing.disabled = true; });
  form.querySelector("input[type=file]").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file === undefined) return;
    text.value = await file.text();
    doing.disabled = true;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sent(form, event.submitter?.dataset.dry !== undefined || doing.disabled);
  });
}
