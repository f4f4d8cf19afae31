// What happens, as it happens: the server pushes that something changed, and the piece of the page is asked for anew.

import { piece } from "./api.js";
import { times } from "./times.js";

/** Changes that come within this time are one. */
const GATHER_MS = 150;
/** The server gives a sign of life every 15 seconds; without any for this long the push is cut. */
const SILENCE_MS = 40_000;
const AGAIN_MS = 3_000;

const waiting = new Set();
let gathering = false;
let source;
let heardAt = Date.now();
let wasCut = false;

const all = (selector) => [...document.querySelectorAll(selector)];

function cut(isCut) {
  const note = document.getElementById("cut");
  if (note !== null) note.hidden = !isCut;
  if (wasCut && !isCut) refresh(all("[data-piece]"));
  wasCut = isCut;
}

/** Keeps the keyboard where it was. */
function replaced(old, fresh) {
  const inside = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  old.replaceWith(fresh);
  times(fresh.parentElement);
  if (inside !== undefined) fresh.querySelector(`[data-key="${CSS.escape(inside)}"]`)?.focus();
}

async function gathered() {
  gathering = false;
  const now = [...waiting];
  waiting.clear();
  await Promise.all(now.map(async (element) => {
    if (!element.isConnected || element.querySelector("dialog[open]") !== null) return;
    const fresh = await piece(element.dataset.piece);
    if (fresh === null) element.remove();
    else if (fresh !== undefined && element.isConnected) replaced(element, fresh);
  }));
}

function refresh(elements) {
  for (const element of elements) waiting.add(element);
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
  source.addEventListener("open", heard);
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
  setInterval(() => {
    if (Date.now() - heardAt < SILENCE_MS) return;
    heardAt = Date.now();
    cut(true);
    again();
  }, 5_000);
}

