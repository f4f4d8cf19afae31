// The playground: what is seen comes by a stream, what is said goes by the API. Whatever people and agents say is text.

import { call, page, piece, say, texts } from "./api.js";
import { times } from "./times.js";

/** The server gives a sign of life every 15 seconds; without any for this long the stream is opened anew. */
const SILENCE_MS = 40_000;
const AGAIN_MS = 3_000;
/** What became of a message is written down a little behind its answer: so long it is not looked for. */
const BEHIND_MS = 600;
/** Pauses before further looks, as long as there is more to come. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000];
/** Of a message that was answered longer ago than this, nothing is there that is not there yet. */
const NEW_MS = 60_000;
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
/** Counts what was followed: only the last one is shown. */
let followed = 0;

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
    button.addEventListener("click", () => follow(item));
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
  if (last !== undefined) follow(last);
}

const passed = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A timeline, where it is there; and a word beside it where it is not, or not whole. */
function timeline(found, isYet) {
  const lines = document.getElementById("timeline-lines");
  lines.replaceChildren(...(found ? [found] : []));
  lines.hidden = !found;
  times(lines);
  const about = document.getElementById("timeline-about");
  about.hidden = Boolean(found) && !isYet;
  about.textContent = found || isYet ? place.dataset.timelineYet : place.dataset.noTimeline;
}

/**
 * Shows what became of the message that an answer answers, as the server tells it; and looks again, a few times, as long as more
 * of it is to come. The first look is `first` milliseconds from now.
 */
async function follow({ seq, at }, first = 0) {
  followed += 1;
  const mine = followed;
  const id = `${place.dataset.conversationId}-${seq}`;
  const link = document.getElementById("timeline-page");
  link.href = `/panel/messages/${id}`;
  link.hidden = false;
  const isNew = first > 0 || Date.now() - Date.parse(at) < NEW_MS;
  if (isNew) timeline(null, true);
  let found;
  for (const pause of [first, ...PAUSES_MS]) {
    await passed(pause);
    if (mine !== followed) return;
    // What was seen already stays, whatever becomes of a later look.
    found = (await piece(`/panel/pieces/messages/${id}`)) ?? found;
    if (mine !== followed) return;
    timeline(found, found ? found.dataset.open !== undefined : isNew);
    if (found ? found.dataset.again === undefined : !isNew) return;
  }
  if (!found) timeline(null, false);
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
    follow(item, BEHIND_MS);
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
