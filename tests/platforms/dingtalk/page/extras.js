// What the chat page shows besides words: files, quotes, reactions, and a card's stop button.

import { picture } from "./text.js";
import { word } from "./words.js";

function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// The files of a message: pictures are shown, others can be saved.
export function files(list) {
  return list.map((file) => {
    const address = `files/${encodeURIComponent(file.download_code)}`;
    if (file.mime.startsWith("image/")) {
      const image = make("img", "picture");
      image.src = address;
      image.alt = file.name || word("picture");
      return image;
    }
    const link = make("a", "file", file.name);
    link.href = address;
    link.download = file.name;
    return link;
  });
}

// A plain reply that carries an upload.
export function upload(item) {
  return item.format === "sampleImageMsg" ? picture(item.title, item.text) : null;
}

export function quoted(text) {
  return text === null ? [] : [make("blockquote", "quoted", text)];
}

export function reactions(names) {
  const box = make("p", "reactions");
  box.append(...names.map((name) => make("span", "reaction", name)));
  return box;
}

export function quoteButton(start) {
  const button = make("button", "quote", word("quote"));
  button.type = "button";
  button.addEventListener("click", start);
  return button;
}

export function stopButton(card, person, fail) {
  const button = make("button", "stop", word("stop"));
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await fetch("click", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ card, sender: person }),
    }).catch(() => null);
    if (!answer?.ok) fail();
  });
  return button;
}

// Sends a file as the body, so that nothing has to be encoded.
export async function attach(place, file) {
  const query = new URLSearchParams({ ...place, name: file.name });
  const answer = await fetch(`attach?${query}`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: file,
  });
  if (!answer.ok) throw new Error(String(answer.status));
}
