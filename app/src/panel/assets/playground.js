// The playground: what is seen comes by a stream, what is said goes by the API. Whatever people and agents say is text.

import { call, page, piece, say, texts } from "./api.js";
import { times } from "./times.js";

/** The server gives a sign of life every 15 seconds; without any for this long the stream is opened anew. */
const SILENCE_MS = 40_000;
const AGAIN_MS = 3_000;
/** The end of a message is written down this long after its answer is whole, at the latest. */
const BEHIND_MS = 1_500;
/** Within so many pixels of the end the talk follows what is new. */
const NEAR = 80;

const place = document.getElementById("playground");
const talk = document.getElementById("talk");

/** The element of each item, by the item's id. */
const shown = new Map();
let source;
let heardAt = Date.now();
/** What was said last and may not have been heard, and the key under which it is one message. */
let unsure = { text: null, key: null };
/** The answer whose timeline is shown. */
let followed = null;

function made(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function word({ by, state, cut }) {
  const words = {
    open: by === "bot" ? place.dataset.writing : place.dataset.sending,
    failed: by === "bot" ? place.dataset.failed : place.dataset.lost,
  };
  return [words[state], cut ? place.dataset.cut : undefined].filter((text) => text !== undefined).join(" · ");
}

function line(item) {
  const element = made("div", `line ${item.by === "bot" ? "agent" : "user"}`);
  const head = made("p", "help");
  const at = made("time", "", item.at);
  at.dateTime = item.at;
  at.dataset.shown = "full";
  head.append(made("span", "", item.by === "bot" ? place.dataset.bot : place.dataset.you), " · ", at, " ", made("span", "word"));
  const words = made("div", "words");
  words.dir = "auto";
  element.append(head, words);
  times(element);
  return element;
}

function show(item) {
  const isAtEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < NEAR;
  let element = shown.get(item.id);
  if (element === undefined) {
    element = line(item);
    shown.set(item.id, element);
    talk.append(element);
  }
  element.dataset.state = item.state;
  // Read out when it is whole.
  element.setAttribute("aria-busy", String(item.state === "open"));
  element.querySelector(".word").textContent = word(item);
  element.querySelector(".words").textContent = item.text;
  if (item.seq !== null && element.querySelector("button") === null) {
    const button = made("button", "quiet", place.dataset.timeline);
    button.type = "button";
    button.addEventListener("click", () => follow(item.seq));
    element.append(button);
  }
  document.getElementById("talk-empty").hidden = true;
  if (isAtEnd) talk.scrollTop = talk.scrollHeight;
}

function room({ items }) {
  shown.clear();
  talk.replaceChildren();
  document.getElementById("talk-empty").hidden = items.length > 0;
  for (const item of items) show(item);
  talk.scrollTop = talk.scrollHeight;
  const last = items.findLast(({ seq }) => seq !== null);
  if (last !== undefined) follow(last.seq);
}

/** Shows what became of the message that an answer answers, as the server tells it. */
async function follow(seq) {
  followed = seq;
  const id = `${place.dataset.conversationId}-${seq}`;
  const link = document.getElementById("timeline-page");
  link.href = `/panel/messages/${id}`;
  link.hidden = false;
  const found = await piece(`/panel/pieces/messages/${id}`);
  if (followed !== seq) return;
  const lines = document.getElementById("timeline-lines");
  if (found) lines.replaceChildren(found);
  else lines.replaceChildren();
  lines.hidden = !found;
  times(lines);
  const about = document.getElementById("timeline-about");
  about.hidden = Boolean(found);
  about.textContent = place.dataset.noTimeline;
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Says something; whether it was heard. What may have been heard is said again under the same key. */
async function speak(text) {
  const key = unsure.text === text ? unsure.key : newKey();
  const path = `/api/v1/playground/${place.dataset.channelId}/messages`;
  const answer = await call("POST", path, { text }, { "idempotency-key": key });
  const isUnsure = !answer.ok && (answer.status === 0 || answer.status >= 500);
  unsure = isUnsure ? { text, key } : { text: null, key: null };
  if (!answer.ok) say(answer.body.detail ?? texts.failed, true);
  return answer.ok;
}

async function send(words) {
  const text = words.value;
  if (text.trim() === "" || words.readOnly) return;
  words.readOnly = true;
  const isHeard = await speak(text);
  words.readOnly = false;
  if (isHeard) words.value = "";
}

function cut(isCut) {
  document.getElementById("cut").hidden = !isCut;
}

function heard() {
  heardAt = Date.now();
  cut(false);
}

function listen() {
  source = new EventSource(`/api/v1/playground/${place.dataset.channelId}/stream`);
  const on = (name, act) => source.addEventListener(name, (event) => {
    heard();
    act(JSON.parse(event.data));
  });
  on("room", room);
  on("item", (item) => {
    show(item);
    if (item.seq === null || item.state === "open") return;
    follow(item.seq);
    // What is written down behind the answer.
    setTimeout(() => followed === item.seq && follow(item.seq), BEHIND_MS);
  });
  on("heartbeat", () => {});
  source.addEventListener("error", () => {
    cut(true);
    if (source.readyState === EventSource.CLOSED) setTimeout(refused, AGAIN_MS);
  });
}

/** The stream was refused: this page says whether that is because the session has ended. */
async function refused() {
  await page(location.pathname + location.search);
  again();
}

function again() {
  source.close();
  listen();
}

function begin() {
  const words = document.getElementById("words");
  document.getElementById("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send(words);
  });
  words.addEventListener("keydown", (event) => {
    // While an input method composes, Enter takes what it offers.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send(words);
  });
  for (const button of place.querySelectorAll("[data-says]")) {
    button.addEventListener("click", () => speak(button.dataset.says));
  }
  document.getElementById("agent").addEventListener("change", (event) => {
    if (event.target.value !== "") speak(event.target.value);
  });
  listen();
  window.addEventListener("offline", () => cut(true));
  window.addEventListener("online", again);
  setInterval(() => {
    if (Date.now() - heardAt < SILENCE_MS) return;
    heardAt = Date.now();
    cut(true);
    again();
  }, 5_000);
}

if (place !== null) begin();
