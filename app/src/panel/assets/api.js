// The one way to the API: JSON in (or TOML, as text) and JSON out, with the session's proof.

const proof = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** Texts that modules say, out of the page, in its language. */
export const texts = document.body.dataset;

/** Where to sign in, and to come back to this page afterwards. */
export function signIn() {
  const here = location.pathname + location.search;
  location.assign(`/panel/sign-in?to=${encodeURIComponent(here)}`);
}

/**
 * Asks the API. The answer is `{ok, status, body, tag}`; `body` is a problem document where it is not `ok`.
 * Whoever is not signed in any more leaves the page and gets no answer.
 */
export async function call(method, path, body, headers = {}) {
  const request = { method, headers: { "x-csrf-token": proof, ...headers } };
  if (typeof body === "string") {
    request.headers["content-type"] = "application/toml";
    request.body = body;
  } else if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    return { ok: false, status: 0, body: { detail: texts.offline } };
  }
  if (response.status === 401) {
    signIn();
    return new Promise(() => {});
  }
  const text = await response.text();
  let parsed = null;
  try {
    parsed = text === "" ? null : JSON.parse(text);
  } catch {
    parsed = { detail: texts.failed };
  }
  if (!response.ok && parsed === null) parsed = { detail: texts.failed };
  return { ok: response.ok, status: response.status, body: parsed };
}

/** A page, or a piece of one, as the server makes it; null where there is none any more, undefined where it did not come. */
export async function page(path) {
  try {
    const response = await fetch(path, { headers: { accept: "text/html" }, redirect: "manual" });
    if (response.type === "opaqueredirect") signIn();
    else if (response.status === 404) return null;
    else if (response.ok) return new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    // The note that the push is cut says it.
  }
  return undefined;
}

/** A piece of a page. */
export async function piece(path) {
  const found = await page(path);
  return found ? document.adoptNode(found.body.firstElementChild) : found;
}

/** What is no mistake goes by itself. */
const SAID_MS = 8_000;
let going;

/** Says something to whoever looks or listens. */
export function say(text, isBad = false) {
  const place = document.getElementById("said");
  clearTimeout(going);
  if (text !== "" && !isBad) going = setTimeout(() => say(""), SAID_MS);
  place.textContent = text;
  place.classList.toggle("bad", isBad);
  place.hidden = text === "";
}
