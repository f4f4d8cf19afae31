// The chat page: who you are, where you write, what everybody sees, live.

import { attach, files, quoteButton, quoted, reactions, stopButton, upload } from "./extras.js";
import { markdown, plain } from "./text.js";
import { applyWords, language, word } from "./words.js";

const byId = (id) => document.getElementById(id);
const state = { world: null, me: null, app: null, group: "", conversation: null, cards: new Map(), next: 0, waiting: null,
  reactions: {}, quote: null };
const hues = [212, 152, 28, 282, 340, 190, 52, 100];

function hue(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 997;
  return hues[sum % hues.length];
}

function avatar(target, name, robot = false) {
  target.className = robot ? "avatar robot" : "avatar";
  target.textContent = robot ? "" : [...name][0];
  if (!robot) target.style.setProperty("--hue", hue(name));
  return target;
}

function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function clock(ms) {
  const locale = language === "zh" ? "zh-CN" : "en";
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
}

function robotName() {
  return state.world.robots.find((robot) => robot.app === state.app)?.name ?? "";
}

function drawPeople() {
  byId("people").replaceChildren(
    ...state.world.people.slice(0, 50).map((person) => {
      const button = make("button", "person", avatar(make("span"), person.nick), make("span", "", person.nick));
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(person.staff_id === state.me));
      button.addEventListener("click", () => choose({ me: person.staff_id }));
      return button;
    }),
  );
}

function drawRobots() {
  const robots = state.world.robots;
  byId("robot-section").hidden = robots.length < 2;
  byId("robot").replaceChildren(...robots.map((robot) => new Option(`${robot.name} (${robot.app})`, robot.app)));
  byId("robot").value = state.app;
}

function place(title, hint, group, robot) {
  const text = make("span", "place-text", make("strong", "", title), make("span", "hint", hint));
  const button = make("button", "place", avatar(make("span"), title, robot), text);
  button.type = "button";
  button.setAttribute("aria-current", String(group === state.group));
  button.addEventListener("click", () => {
    byId("shell").classList.add("open");
    choose({ group });
  });
  return button;
}

function drawPlaces() {
  const groups = state.world.groups.slice(0, 200);
  byId("places").replaceChildren(
    place(robotName(), word("private_chat"), "", true),
    ...groups.map((group) => place(group.title, word("group"), group.conversation, false)),
  );
}

function drawBar() {
  const group = state.world.groups.find((one) => one.conversation === state.group);
  avatar(byId("bar-avatar"), group ? group.title : robotName(), !group);
  byId("bar-title").textContent = group ? group.title : robotName();
  byId("bar-hint").textContent = word(group ? "group" : "private_chat");
  byId("mention-label").hidden = !group;
  byId("attach-label").hidden = Boolean(group);
  byId("mention-name").textContent = `@${robotName()}`;
}

function bubble(side, name, at, robot, ...content) {
  const meta = make("p", "meta", make("span", "name", name), make("time", "", clock(at)));
  const body = make("div", "body", meta, ...content);
  return make("article", `message ${side}`, avatar(make("span"), name, robot), body);
}

function drawCard(id) {
  const card = state.cards.get(id);
  const box = make("div", "card");
  box.dataset.card = id;
  if (card) fillCard(box, card);
  return box;
}

function fillCard(box, card) {
  box.dataset.state = card.state;
  const badge = make("span", "badge", make("span", "dot"), word(card.state));
  const text = make("div", "text");
  text.append(markdown(card.text));
  if (card.text === "" && !["finished", "failed"].includes(card.state)) {
    text.append(make("div", "skeleton", make("i"), make("i"), make("i")));
  }
  const fail = () => complain(word("send_failed"));
  const buttons = card.clickable ? [stopButton(card.id, state.me, fail)] : [];
  const mine = Object.entries(card.click_views[state.me] ?? {}).map(([key, value]) => `${key}: ${value}`);
  const view = mine.length > 0 ? [make("p", "hint", mine.join(", "))] : [];
  if (card.recalled) text.replaceChildren(make("p", "hint", word("recalled")));
  const quote = quoteButton(() => startQuote({ quote_card: card.id, text: card.text }));
  box.replaceChildren(text, ...view, make("footer", "", badge, ...buttons, quote));
}

function drawItem(item) {
  if (item.type === "user") {
    const me = state.world.people.find((person) => person.staff_id === state.me);
    const side = item.nick === me?.nick ? "mine" : "theirs";
    const addressed = item.msg_id !== null;
    const words = item.text.trim() === "" ? [] : [plain(item.text.trim())];
    const text = make("div", "bubble", ...quoted(item.quoted), ...words, ...files(item.files));
    const shown = reactions(state.reactions[item.msg_id] ?? []);
    if (addressed) shown.dataset.message = item.msg_id;
    const note = addressed ? [] : [make("p", "hint note", word("not_addressed"))];
    return bubble(side, item.nick, item.at_ms, false, text, shown, ...note);
  }
  if (item.type === "card") {
    const card = state.cards.get(item.out_track_id);
    return bubble("theirs", card?.robot ?? robotName(), item.at_ms, true, drawCard(item.out_track_id));
  }
  const rich = /markdown|actioncard/i.test(item.format);
  const body = item.recalled ? plain(word("recalled")) : upload(item) ?? (rich ? markdown(item.text) : plain(item.text));
  const quote = quoteButton(() => startQuote({ quote: item.text, text: item.text }));
  return bubble("theirs", item.robot, item.at_ms, true, make("div", "bubble text", body), quote);
}

function atEnd() {
  const timeline = byId("timeline");
  return timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < 120;
}

function toEnd() {
  const timeline = byId("timeline");
  timeline.scrollTop = timeline.scrollHeight;
}

function append(item) {
  const follow = atEnd();
  byId("timeline").querySelector(".empty")?.remove();
  byId("timeline").append(drawItem(item));
  if (follow) toEnd();
}

// Entries are numbered, so one that arrives while the conversation is being loaded is shown exactly once.
function take(number, item, conversation) {
  if (state.waiting) state.waiting.push([number, item, conversation]);
  else if (conversation === state.conversation && number >= state.next) {
    state.next = number + 1;
    append(item);
  }
}

async function load() {
  const query = new URLSearchParams({ group: state.group, app: state.app, sender: state.me });
  const wanted = query.toString();
  state.loading = wanted;
  state.waiting = [];
  try {
    const answer = await fetch(`conversation?${wanted}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const loaded = await answer.json();
    if (state.loading !== wanted) return;
    state.conversation = loaded.id;
    state.reactions = loaded.reactions;
    state.cards = new Map(loaded.cards.map((card) => [card.id, card]));
    const empty = make("p", "empty", word(state.group ? "empty_group" : "empty"));
    state.next = loaded.first + loaded.items.length;
    byId("timeline").replaceChildren(...(loaded.items.length > 0 ? loaded.items.map(drawItem) : [empty]));
    const waiting = state.waiting;
    state.waiting = null;
    for (const [number, item, conversation] of waiting) take(number, item, conversation);
    complain("");
    toEnd();
  } catch {
    if (state.loading === wanted) state.waiting = null;
    complain(word("load_failed"));
  }
}

function choose(changes) {
  Object.assign(state, changes);
  sessionStorage.setItem("choice", JSON.stringify({ me: state.me, app: state.app, group: state.group }));
  drawPeople();
  drawRobots();
  drawPlaces();
  drawBar();
  load();
}

function complain(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = text === "";
}

function startQuote(quote) {
  state.quote = quote;
  byId("quoting").hidden = quote === null;
  byId("quoting-text").textContent = quote?.text ?? "";
  if (quote) byId("text").focus();
}

async function sendFile() {
  const field = byId("attach");
  const [file] = field.files;
  field.value = "";
  if (!file) return;
  try {
    await attach({ app: state.app, sender: state.me }, file);
    complain("");
  } catch {
    complain(word("send_failed"));
  }
}

async function send(event) {
  event.preventDefault();
  const field = byId("text");
  const text = field.value;
  if (text.trim() === "") return;
  const message = {
    group: state.group,
    app: state.app,
    sender: state.me,
    text,
    mention: byId("mention").checked,
    quote: state.quote?.quote,
    quote_card: state.quote?.quote_card,
  };
  startQuote(null);
  field.value = "";
  grow();
  toEnd();
  try {
    const answer = await fetch("chat", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    complain("");
  } catch {
    field.value = field.value || text;
    complain(word("send_failed"));
  }
}

function grow() {
  const field = byId("text");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}

function addGroup(conversation) {
  state.world.groups.push({ conversation: conversation.id, title: conversation.title });
  drawPlaces();
}

function receive(message) {
  const event = JSON.parse(message.data);
  if (event.type === "reset") {
    load();
  } else if (event.type === "card") {
    const follow = atEnd();
    state.cards.set(event.card.id, event.card);
    const box = [...document.querySelectorAll(".card")].find((one) => one.dataset.card === event.card.id);
    if (box) fillCard(box, event.card);
    if (follow) toEnd();
  } else if (event.type === "reaction") {
    state.reactions[event.msg_id] = event.names;
    const shown = [...document.querySelectorAll(".reactions")].find((one) => one.dataset.message === event.msg_id);
    shown?.replaceChildren(...reactions(event.names).children);
  } else if (event.type === "item") {
    take(event.number, event.item, event.conversation.id);
    const known = state.world.groups.some((group) => group.conversation === event.conversation.id);
    if (event.conversation.kind === "group" && !known) addGroup(event.conversation);
  }
}

function listen() {
  const live = byId("live");
  const show = (key) => {
    live.dataset.state = key;
    live.textContent = word(key);
  };
  const events = new EventSource("events");
  let wasOpen = false;
  events.addEventListener("open", () => {
    show("connected");
    // What happened while nobody listened is loaded anew.
    if (wasOpen) load();
    wasOpen = true;
  });
  events.addEventListener("error", () => show("disconnected"));
  events.addEventListener("message", receive);
}

async function start() {
  applyWords(document);
  const world = await (await fetch("world")).json();
  state.world = world;
  let earlier = {};
  try {
    earlier = JSON.parse(sessionStorage.getItem("choice")) ?? {};
  } catch {
    earlier = {};
  }
  // A link can choose, too: #me=bob&group=cid-team==
  Object.assign(earlier, Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
  const known = (list, key, value) => list.some((one) => one[key] === value);
  byId("composer").addEventListener("submit", send);
  byId("attach").addEventListener("change", sendFile);
  byId("quoting-end").addEventListener("click", () => startQuote(null));
  byId("text").addEventListener("input", grow);
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  });
  byId("back").addEventListener("click", () => byId("shell").classList.remove("open"));
  byId("robot").addEventListener("change", () => choose({ app: byId("robot").value }));
  if (window.matchMedia("(min-width: 760px)").matches || earlier.me) byId("shell").classList.add("open");
  listen();
  choose({
    me: known(world.people, "staff_id", earlier.me) ? earlier.me : world.people[0]?.staff_id,
    app: known(world.robots, "app", earlier.app) ? earlier.app : world.robots[0]?.app,
    group: known(world.groups, "conversation", earlier.group) ? earlier.group : "",
  });
}

start().catch(() => complain(word("load_failed")));
