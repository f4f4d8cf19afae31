// Buttons that do something: `data-act` is the method, `data-path` the path. Dialogs ask first, some for a typed name.

import { call, say, texts } from "./api.js";

/** Leaves the page for another, or shows this one anew. */
export function go(to) {
  if (to === "reload") location.reload();
  else location.assign(to);
}

async function act(button) {
  if (button.getAttribute("aria-disabled") === "true") {
    say(button.title, true);
    return;
  }
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  const body = button.dataset.body === undefined ? undefined : JSON.parse(button.dataset.body);
  const headers = button.dataset.version === undefined ? {} : { "if-match": `"${button.dataset.version}"` };
  const answer = await call(button.dataset.act, button.dataset.path, body, headers);
  button.removeAttribute("aria-busy");
  button.disabled = false;
  button.closest("dialog")?.close();
  if (!answer.ok) {
    say(answer.status === 412 ? texts.stale : answer.body.detail ?? texts.failed, true);
    return;
  }
  if (button.dataset.shows !== undefined) {
    shown(button, answer.body);
    return;
  }
  say(button.dataset.done ?? texts.done);
  if (button.dataset.then !== undefined) go(button.dataset.then);
}

/** A test's outcome, in the place that the button names. */
function shown(button, body) {
  const place = document.getElementById(button.dataset.shows);
  place.replaceChildren(...outcome(body));
  place.hidden = false;
  say(body.ok ? texts.checkFine : texts.checkFailed, !body.ok);
}

function line(result, ...parts) {
  const item = document.createElement("li");
  item.className = `check ${result}`;
  const word = document.createElement("strong");
  word.textContent = { ok: texts.resultOk, failed: texts.resultFailed }[result] ?? texts.resultUntold;
  item.append(word);
  for (const [name, text, title] of parts) {
    if (!text) continue;
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    if (title) part.title = title;
    item.append(" ", part);
  }
  return item;
}

/** What has to be mended comes first. */
function weight({ result }) {
  return { failed: 0, cannot_be_told: 1 }[result] ?? 2;
}

/** What checks are called, by the API's names for them, in the page's language. */
const checks = JSON.parse(texts.checks);

/** The lines of a channel's or an agent's test. */
export function outcome(body) {
  if (Array.isArray(body.checks)) {
    return [...body.checks].sort((one, other) => weight(one) - weight(other)).map((check) =>
      line(check.result, ["name", checks[check.name] ?? check.name, check.name], ["message", check.message], ["remedy", check.remedy]));
  }
  const time = body.first_output_ms === null ? "" : `${texts.firstOutput} ${body.first_output_ms} ms`;
  const exact = body.error === null ? "" : `${body.error.code}: ${body.error.message}`;
  return [line(body.result, ["message", body.message], ["code", exact], ["remedy", body.remedy], ["time", time])];
}

function opened(id) {
  const dialog = document.getElementById(id);
  dialog.querySelector("input[data-typed]")?.dispatchEvent(new Event("input"));
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener !== null) opened(opener.dataset.opens);
  const closer = event.target.closest("[data-closes]");
  if (closer !== null) closer.closest("dialog").close();
  const button = event.target.closest("[data-act]");
  if (button !== null) act(button);
  const chooser = event.target.closest("[data-cookie]");
  if (chooser !== null) {
    const { cookie, value } = chooser.dataset;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${cookie}=${value}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
    location.reload();
  }
});

// A deletion is possible once the name is typed.
document.addEventListener("input", (event) => {
  const typed = event.target.dataset?.typed;
  if (typed === undefined) return;
  event.target.closest("dialog").querySelector("[data-act]").disabled = event.target.value !== typed;
});
for (const input of document.querySelectorAll("input[data-typed]")) {
  input.closest("dialog").querySelector("[data-act]").disabled = true;
}
