// What happens, as it happens: the server pushes that something changed, and the piece of the page is asked for anew.

import { page, piece } from "./api.js";
import { times } from "./times.js";

/** Changes that come within this time are one. */
const GATHER_MS = 150;
/** So many pieces are asked for each by itself; of more, the whole page is. */
const ALONE_MAX = 4;
/** The server gives a sign of life every 15 seconds; without any for this long the push is cut. */
const SILENCE_MS = 40_000;
const AGAIN_MS = 3_000;
/** Pieces that say so change without a word of the server's. */
const LOOK_MS = 2_000;
const MINUTE_MS = 60_000;

/** The paths of pieces that are to be asked for. */
const waiting = new Set();
let gathering = false;
let source;
let heardAt = Date.now();

const all = (selector) => [...document.querySelectorAll(selector)];

function cut(isCut) {
  const note = document.getElementById("cut");
  if (note !== null) note.hidden = !isCut;
}

/** Keeps the keyboard where it was. */
function replaced(old, fresh) {
  const inside = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  old.replaceWith(fresh);
  times(fresh.parentElement);
  if (inside !== undefined) fresh.querySelector(`[data-key="${CSS.escape(inside)}"]`)?.focus();
}

const shown = (path) => document.querySelector(`[data-piece="${CSS.escape(path)}"]`);

/** Each piece by itself. */
async function eachAlone(paths) {
  await Promise.all(paths.map(async (path) => {
    const fresh = await piece(path);
    const old = shown(path);
    if (old === null || fresh === undefined) return;
    if (fresh === null) old.remove();
    else replaced(old, fresh);
  }));
}

/** All of them out of the page as it is now, which costs one question. */
async function allAtOnce(paths) {
  const whole = await page(location.pathname + location.search);
  if (!whole) return;
  for (const path of paths) {
    const fresh = whole.querySelector(`[data-piece="${CSS.escape(path)}"]`);
    const old = shown(path);
    if (fresh !== null && old !== null) replaced(old, document.adoptNode(fresh));
  }
}

/** One after the other, so that what was asked for later is what stays. */
async function gathered() {
  const now = [...waiting];
  waiting.clear();
  await (now.length > ALONE_MAX ? allAtOnce(now) : eachAlone(now));
  gathering = false;
  refresh([]);
}

function refresh(elements) {
  for (const element of elements) waiting.add(element.dataset.piece);
  if (waiting.size === 0 || gathering) return;
  gathering = true;
  setTimeout(gathered, GATHER_MS);
}

function heard() {
  heardAt = Date.now();
  cut(false);
}

function on(name, concerned) {
  source.addEventListener(name, (event) => {
    heard();
    refresh(concerned(JSON.parse(event.data)));
  });
}

function ofChannel({ channel_id: channel }) {
  return all(`[data-channel="${CSS.escape(channel)}"], [data-channel="any"]`);
}

function ofConversation({ conversation_id: conversation }) {
  return all(`[data-conversation="${CSS.escape(conversation)}"]`);
}

function listen() {
  source = new EventSource("/api/v1/events");
  // Nothing is replayed: what changed before the stream was open is seen by looking again.
  source.addEventListener("open", () => {
    heard();
    refresh(all("[data-piece]"));
  });
  source.addEventListener("heartbeat", heard);
  source.addEventListener("error", () => {
    cut(true);
    if (source.readyState === EventSource.CLOSED) setTimeout(refused, AGAIN_MS);
  });
  on("channel.status", ofChannel);
  on("turn.started", ofConversation);
  on("turn.finished", (turn) => [...ofConversation(turn), ...ofChannel(turn)]);
  on("failure", () => all("[data-failures]"));
  on("missed", () => all("[data-piece]"));
}

/** The stream was refused: a piece of a page says whether that is because the session has ended. */
async function refused() {
  await piece("/panel/pieces/channels");
  again();
}

function again() {
  source.close();
  listen();
}

if (document.querySelector("[data-piece]") !== null) {
  listen();
  window.addEventListener("offline", () => cut(true));
  window.addEventListener("online", again);
  // What is measured changes without an event.
  setInterval(() => refresh(all('[data-every="minute"]')), MINUTE_MS);
  setInterval(() => {
    if (!document.hidden) refresh(all("[data-piece][data-again]"));
  }, LOOK_MS);
  setInterval(() => {
    if (Date.now() - heardAt < SILENCE_MS) return;
    heardAt = Date.now();
    cut(true);
    again();
  }, 5_000);
}

