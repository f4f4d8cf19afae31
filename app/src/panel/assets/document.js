// What stands in a form's fields as the document that the API takes. Fields are named by JSON pointer.

const parts = (pointer) => pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

/** Puts a value at a pointer. */
export function put(root, pointer, value) {
  const names = parts(pointer);
  const last = names.pop();
  let place = root;
  for (const name of names) place = place[name] ??= {};
  place[last] = value;
}

/** A mistake that is seen before anything is sent. */
export class Mistake extends Error {
  constructor(pointer, message) {
    super(message);
    this.pointer = pointer;
  }
}

function json(field, text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Mistake(field.name, field.dataset.wrong);
  }
}

const READ = {
  text: (field) => (field.value === "" ? null : field.value),
  number: (field) => (field.value === "" ? null : Number(field.value)),
  flag: (field) => field.checked,
  flagword: (field) => field.value === "true",
  lines: (field) => field.value.split("\n").map((line) => line.trim()).filter((line) => line !== ""),
  json: (field) => (field.value.trim() === "" ? null : json(field, field.value)),
};

/** A field's value as JSON. */
export function value(field) {
  return READ[field.dataset.kind](field);
}

/** Whether a field stands as the server gave it. */
function isAsGiven(field) {
  if (field.type === "checkbox") return field.checked === field.defaultChecked;
  if (field.tagName === "SELECT") {
    const given = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
    return field.value === given?.value;
  }
  return field.value === field.defaultValue;
}

/** Whether anything in a form was changed. */
export function isChanged(form) {
  return fields(form).some((field) => !isAsGiven(field));
}

/** The fields that make the document: those that are switched off, or hidden with their choice, are not among them. */
export function fields(form) {
  return [...form.elements].filter((field) => field.dataset.kind !== undefined && !field.matches(":disabled"));
}

/**
 * The document: whole for something new, else what was changed. What is empty is left out of something new, and clears in
 * a change; an empty secret keeps what is stored, and is never sent. What `data-clears` goes with the choice that it meant
 * something with.
 */
export function read(form, isWhole) {
  const document = form.dataset.base === undefined ? {} : JSON.parse(form.dataset.base);
  for (const field of fields(form)) {
    const isSecret = field.dataset.secret !== undefined;
    if (isSecret && field.value === "") continue;
    if (!isWhole && isAsGiven(field)) continue;
    const now = value(field);
    if (isWhole && now === null) continue;
    put(document, field.name, now);
  }
  for (const field of form.elements) {
    const isLeft = field.dataset.clears !== undefined && field.defaultValue !== "";
    if (!isWhole && isLeft && field.matches(":disabled")) put(document, field.name, null);
  }
  return document;
}
