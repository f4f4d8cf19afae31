// A minimal bot on DingTalk's official SDK for Node: asks an agent of OpenAI's chat completions and streams its answer into a card.
//
// It stores nothing, and a message that comes while it dies is gone. `PLATFORM` and `AGENT` are the addresses of the simulated
// platform and of the agent, `APART_MS` the least time between two updates of a card (0: each chunk is shown).

import { randomUUID } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { pathToFileURL } from "node:url";

const { PLATFORM, AGENT, APART_MS = "0", MODULES } = process.env;
const load = (name, file) => import(pathToFileURL(`${MODULES}/node_modules/${name}/${file}`).href);
const { DWClient, TOPIC_ROBOT } = await load("dingtalk-stream", "dist/index.mjs");
const { default: axios } = await load("axios", "index.js");

const TEMPLATE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.schema";
const KEY = "content";

// The SDK knows the real addresses only; all calls go out through its own HTTP client, over connections that are kept.
axios.defaults.httpAgent = new http.Agent({ keepAlive: true });
axios.defaults.proxy = false;
axios.interceptors.request.use((request) => {
  request.url = request.url.replace(/^https:\/\/(api|oapi)\.dingtalk\.com/, PLATFORM);
  return request;
});

const client = new DWClient({ clientId: "ding-sim-app", clientSecret: "sim-secret" });
let token;

async function call(method, path, data) {
  token ??= client.getAccessToken();
  const headers = { "x-acs-dingtalk-access-token": await token };
  await axios({ method, url: `https://api.dingtalk.com${path}`, headers, data });
}

async function* chunks(question) {
  const data = { model: "load", stream: true, messages: [{ role: "user", content: question }] };
  const answer = await axios({ method: "POST", url: `${AGENT}/chat/completions`, data, responseType: "stream" });
  answer.data.setEncoding("utf8");
  let rest = "";
  for await (const part of answer.data) {
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line.startsWith("data: [DONE]")) continue;
      for (const choice of JSON.parse(line.slice(6)).choices ?? []) {
        if (choice.delta?.content) yield choice.delta.content;
      }
    }
  }
}

async function answer(message) {
  const card = randomUUID();
  await call("POST", "/v1.0/card/instances/createAndDeliver", {
    cardTemplateId: TEMPLATE,
    outTrackId: card,
    callbackType: "STREAM",
    cardData: { cardParamMap: { [KEY]: "" } },
    openSpaceId: `dtv1.card//IM_ROBOT.${message.senderStaffId}`,
    imRobotOpenSpaceModel: { supportForward: true },
    imRobotOpenDeliverModel: { spaceType: "IM_ROBOT" },
  });
  const show = (content, isFinalize) =>
    call("PUT", "/v1.0/card/streaming", {
      outTrackId: card, guid: randomUUID(), key: KEY, content, isFull: true, isFinalize, isError: false,
    });
  let text = "";
  let shownAt = 0;
  for await (const chunk of chunks(message.text.content)) {
    text += chunk;
    if (performance.now() - shownAt >= Number(APART_MS) || shownAt === 0) {
      await show(text, false);
      shownAt = performance.now();
    }
  }
  await show(text, true);
}

client.registerCallbackListener(TOPIC_ROBOT, (frame) => {
  client.socketCallBackResponse(frame.headers.messageId, "");
  answer(JSON.parse(frame.data)).catch((error) => console.error(`not answered: ${error.message}`));
});

/** The SDK does not try again when its first connection fails. */
async function platform() {
  const { hostname, port } = new URL(PLATFORM);
  for (;;) {
    const isThere = await new Promise((resolve) => {
      const socket = net.connect(Number(port), hostname);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    }).catch(() => false);
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

await platform();
await client.connect();
