// Forms that make or change something: read as a document, checked, sent; mistakes stand at their fields.

import { call, say, texts } from "./api.js";
import { go, outcome } from "./acts.js";
import { Mistake, fields, isChanged, read } from "./document.js";

function cleared(form) {
  for (const place of form.querySelectorAll(".mistake")) {
    place.textContent = "";
    place.hidden = true;
  }
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  const rest = form.querySelector(".rest");
  rest.replaceChildren();
  rest.hidden = true;
}

/** The field of a mistake: the one named so, or the nearest one around it. */
function fieldOf(form, pointer) {
  for (let at = pointer; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const found = fields(form).find((field) => field.name === at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Opens whatever a field is folded away in. */
function opened(field) {
  for (let around = field.closest("details"); around !== null; around = around.parentElement.closest("details")) {
    around.open = true;
  }
}

function marked(field, message) {
  field.setAttribute("aria-invalid", "true");
  opened(field);
  const place = document.getElementById(`${field.id}-mistake`);
  place.textContent = message;
  place.hidden = false;
}

function failed(form, problem) {
  const errors = problem.errors ?? [];
  const homeless = [];
  let first;
  for (const { pointer, message } of errors) {
    const field = fieldOf(form, pointer);
    if (field === undefined) homeless.push(`${pointer} ${message}`);
    else {
      marked(field, message);
      first ??= field;
    }
  }
  if (errors.length === 0) homeless.push(problem.detail ?? texts.failed);
  const rest = form.querySelector(".rest");
  rest.replaceChildren(...homeless.map((text) => {
    const item = document.createElement("p");
    item.textContent = text;
    return item;
  }));
  rest.hidden = homeless.length === 0;
  // What has no field stands in the form: nothing else is to be looked for.
  say(first === undefined ? "" : texts.refused, true);
  (first ?? rest).focus();
}

function busy(form, isBusy) {
  for (const button of form.querySelectorAll("button")) button.disabled = isBusy;
  form.toggleAttribute("aria-busy", isBusy);
}

/** The document of a form; undefined where a mistake is seen already. */
function documentOf(form, isWhole) {
  cleared(form);
  if (!form.reportValidity()) return undefined;
  try {
    return read(form, isWhole);
  } catch (mistake) {
    if (!(mistake instanceof Mistake)) throw mistake;
    failed(form, { errors: [{ pointer: mistake.pointer, message: mistake.message }] });
    return undefined;
  }
}

/** A path may name what stands in fields: `{platform}`. */
function pathOf(form, body) {
  return form.dataset.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(body[name] ?? ""));
}

async function saved(form) {
  const isWhole = form.dataset.method !== "PATCH";
  const body = documentOf(form, isWhole);
  if (body === undefined) return;
  busy(form, true);
  const headers = form.dataset.version === undefined ? {} : { "if-match": `"${form.dataset.version}"` };
  const sent = form.dataset.method === "PUT" ? undefined : body;
  const answer = await call(form.dataset.method, pathOf(form, body), sent, headers);
  busy(form, false);
  if (!answer.ok) {
    failed(form, answer.status === 412 ? { detail: texts.stale } : answer.body);
    return;
  }
  if (form.dataset.then === "outcome") {
    shownTrial(form, answer.body);
    return;
  }
  say(texts.saved);
  form.dataset.leaving = "";
  go(form.dataset.then.replace("{id}", encodeURIComponent(answer.body?.id ?? "")));
}

/** What "try a user" says: the server's page makes the sentence out of it. */
function shownTrial(form, body) {
  const place = document.getElementById(form.dataset.shows);
  for (const part of place.querySelectorAll("[data-from]")) {
    const found = part.dataset.from.split(".").reduce((value, name) => value?.[name], body);
    const words = part.dataset[`word${found}`];
    part.textContent = words ?? found ?? part.dataset.none ?? "";
    part.closest("[data-row]").hidden = part.textContent === "";
  }
  place.hidden = false;
}

/** Asks whether the settings would work, and saves nothing. */
async function checked(form, button) {
  const isWhole = form.dataset.method !== "PATCH";
  const body = documentOf(form, isWhole);
  if (body === undefined) return;
  busy(form, true);
  say(texts.checking);
  const answer = await call("POST", button.dataset.check, body);
  busy(form, false);
  const place = form.querySelector(".outcome");
  if (!answer.ok) {
    failed(form, answer.body);
    return;
  }
  place.replaceChildren(...outcome(answer.body));
  place.hidden = false;
  say(answer.body.ok ? texts.checkFine : texts.checkFailed, !answer.body.ok);
}

/** Fields that only mean something with a certain choice. */
function chosen(form) {
  for (const group of form.querySelectorAll("[data-when]")) {
    const [pointer, ...values] = group.dataset.when.split(" ");
    const field = [...form.elements].find((element) => element.name === pointer);
    const isMeant = field !== undefined && values.includes(field.type === "checkbox" ? String(field.checked) : field.value);
    group.hidden = !isMeant;
    group.disabled = !isMeant;
  }
}

for (const form of document.querySelectorAll("form[data-method]")) {
  chosen(form);
  form.addEventListener("change", () => chosen(form));
  // The browser says what is wrong at the field, which it cannot where the field is folded away. The event does not bubble.
  form.addEventListener("invalid", (event) => opened(event.target), true);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    saved(form);
  });
  form.addEventListener("click", (event) => {
    const checker = event.target.closest("[data-check]");
    if (checker !== null) checked(form, checker);
    const replacer = event.target.closest("[data-replaces]");
    if (replacer !== null) replaced(replacer);
  });
}

/** "Replace" is an act of its own: only then is there a field for a new secret. */
function replaced(button) {
  const field = document.getElementById(button.dataset.replaces);
  field.hidden = false;
  field.disabled = false;
  button.hidden = true;
  field.focus();
}

window.addEventListener("beforeunload", (event) => {
  const forms = [...document.querySelectorAll("form[data-method]:not([data-leaving])")];
  if (forms.some((form) => form.dataset.then !== "outcome" && isChanged(form))) event.preventDefault();
});
