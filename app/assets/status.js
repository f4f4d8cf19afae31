// The status page: reads the state, then follows /events. The token stays in this tab (sessionStorage).

import { language, text } from "/assets/texts.js";

const KEY = "switchboard-token";
const BASE = "/api/v1";
// Nothing for so long, heartbeats included, means that the connection is dead.
const SILENCE_MS_MAX = 40_000;
const RETRY_MS = 3_000;

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const when = (time) => new Date(time).toLocaleString(language);

let run = 0;

document.documentElement.lang = language;
const fill = (root) => {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
};
fill(document);
fill($("row").content);

class Refused extends Error {}

async function call(path, signal) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}`, "Accept-Language": language };
  const response = await fetch(BASE + path, { headers, signal, cache: "no-store" });
  if (response.status === 401) throw new Refused(text("refused"));
  if (response.status === 429) throw new Error(text("busy"));
  if (!response.ok) throw new Error(`${response.status}`);
  return response;
}

async function all(path) {
  const items = [];
  let cursor = null;
  do {
    const next = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const page = await (await call(`${path}?limit=200${next}`)).json();
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

async function readState() {
  const [channels, statuses, agents] = await Promise.all([all("/channels"), all("/status"), all("/agents")]);
  const agentNames = new Map(agents.map((agent) => [agent.id, agent.name]));
  const observed = new Map(statuses.map((status) => [status.channel_id, status]));
  const list = $("list");
  list.replaceChildren();
  for (const channel of channels) {
    const row = $("row").content.cloneNode(true).firstElementChild;
    row.dataset.channel = channel.id;
    row.querySelector(".name").textContent = channel.name;
    row.querySelector(".agent").textContent = agentNames.get(channel.default_agent_id) ?? text("noAgent");
    list.append(row);
    const status = observed.get(channel.id);
    if (status) show(row, status);
  }
  $("none").hidden = channels.length > 0;
}

function show(row, status) {
  const word = row.querySelector(".status");
  word.className = `status ${status.status}`;
  word.textContent = text(status.status);
  row.querySelector(".state").textContent = status.state;
  row.querySelector(".since").textContent = when(status.since);
  row.querySelector(".used").textContent = used(status.usage);
  const one = row.querySelector(".one");
  one.hidden = !status.one_connection;
  if (status.one_connection) {
    one.querySelector(".message").textContent = status.one_connection.message;
    one.querySelector(".at").textContent = when(status.one_connection.until);
  }
  const error = row.querySelector(".error");
  error.hidden = !status.last_error;
  if (!status.last_error) return;
  error.querySelector(".message").textContent = `${text("lastError")}: ${status.last_error.message}`;
  error.querySelector(".remedy").textContent = status.last_error.remedy;
  error.querySelector(".at").textContent = when(status.last_error.at);
}

// Ours only: other programs may use the same app, so the line says whose count it is.
function used(usage) {
  if (!usage) return text("notCounted");
  const values = { calls: usage.api_calls, pushes: usage.pushes, month: usage.month };
  return text("usedIn").replace(/{(\w+)}/g, (_, name) => values[name].toLocaleString(language));
}

// One event as its lines; returns whether the state has to be read again.
function take(lines) {
  let name = "message";
  const data = [];
  for (const line of lines) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  if (name === "missed") return true;
  if (name !== "channel.status") return false;
  const status = JSON.parse(data.join("\n"));
  const row = [...$("list").children].find((one) => one.dataset.channel === status.channel_id);
  if (row) show(row, status);
  return !row;
}

// Follows the stream until it ends; changes to settings that no event tells are read every minute by `follow`.
async function listen(signal, alive, onOpen) {
  const response = await call("/events", signal);
  await onOpen();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    buffer += value;
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const lines = buffer.slice(0, end).split("\n");
      buffer = buffer.slice(end + 2);
      if (take(lines)) await readState();
    }
  }
}

async function follow() {
  const mine = ++run;
  while (mine === run) {
    const abort = new AbortController();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE_MS_MAX);
    };
    const refresh = setInterval(() => readState().catch(() => {}), 60_000);
    try {
      alive();
      await listen(abort.signal, alive, async () => {
        await readState();
        signedIn();
      });
    } catch (error) {
      if (error instanceof Refused) return signOut(error.message);
      if ($("channels").hidden && sessionStorage.getItem(KEY)) {
        $("refused").textContent = error instanceof TypeError ? text("unreachable") : error.message;
        $("sign-in").hidden = false;
      }
    } finally {
      clearTimeout(timer);
      clearInterval(refresh);
      abort.abort();
    }
    if (mine !== run) return;
    $("cut").textContent = text("cut");
    $("cut").hidden = $("channels").hidden;
    await pause(RETRY_MS);
  }
}

function signedIn() {
  $("sign-in").hidden = true;
  $("sign-out").hidden = false;
  $("channels").hidden = false;
  $("cut").hidden = true;
  $("refused").textContent = "";
}

function signOut(reason = "") {
  run += 1;
  sessionStorage.removeItem(KEY);
  $("sign-in").hidden = false;
  $("sign-out").hidden = true;
  $("channels").hidden = true;
  $("cut").hidden = true;
  $("list").replaceChildren();
  $("refused").textContent = reason;
  $("token").focus();
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, $("token").value.trim());
  $("token").value = "";
  follow();
});
$("sign-out").addEventListener("click", () => signOut());

if (sessionStorage.getItem(KEY)) follow();
else signOut();
