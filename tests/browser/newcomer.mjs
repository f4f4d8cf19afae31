// What somebody does who has just started the server: the first steps, then a look at everything.

import assert from "node:assert/strict";
import { administration } from "./administrator.mjs";
import { BASE, LANGUAGE, SIMULATOR, TOKEN, onStage } from "./stage.mjs";

const HOSTILE = "<img src=x onerror=alert(1)> {{7*7}} \u05e9\u05dc\u05d5\u05dd";
const TURNED = `${HOSTILE} \u202eevil`;

await onStage(async (stage) => {
  await signIn(stage);
  await playground(stage);
  await firstSteps(stage);
  await channel(stage);
  await conversations(stage);
  await otherPages(stage);
  await administration(stage);
  await push(stage);
  await endings(stage);
});

async function signIn(stage) {
  const { page } = stage;
  await page.goto(BASE);
  await stage.seen("01-sign-in");
  await page.fill("#token", "swb_wrong");
  await page.keyboard.press("Enter");
  await stage.see("#refused");
  await stage.seen("02-sign-in-refused");
  await page.fill("#token", TOKEN);
  await page.keyboard.press("Enter");
  await stage.see("ol.steps");
  const [cookie] = (await stage.context.cookies()).filter(({ name }) => name === "switchboard_session");
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/"]);
}

async function playground(stage) {
  const { page } = stage;
  await page.click('main a[href="/panel/playground"]');
  await stage.see("#words");
  await stage.seen("02b-playground");
  const answer = page.locator('#talk .agent[data-state="done"] .words');
  await page.fill("#words", "one two three four five");
  await page.keyboard.press("Enter");
  await answer.first().waitFor();
  assert.equal(await answer.first().textContent(), "one two three four five");
  assert.equal(await page.locator("#words").inputValue(), "");
  // What people write is text, and a line break does not send.
  await page.fill("#words", TURNED);
  await page.keyboard.press("Shift+Enter");
  assert.equal(await page.locator("#words").inputValue(), `${TURNED}\n`);
  await page.click('#composer button[type="submit"]');
  await answer.nth(1).waitFor();
  assert.ok((await answer.nth(1).textContent()).startsWith(TURNED));
  await timelines(page, answer);
  // A long answer is stopped with the words it has.
  await page.fill("#words", "word ".repeat(180));
  await page.keyboard.press("Enter");
  await stage.see('#talk .agent[data-state="open"]');
  await page.click('[data-says="/stop"]');
  await answer.nth(3).waitFor();
  await page.selectOption("#agent", "/agents default");
  await answer.nth(4).waitFor();
  await stage.seen("02c-playground-talk");
  // Whoever comes back sees it again.
  await page.reload();
  await answer.nth(4).waitFor();
  await stage.goTo("/panel/welcome");
}

/** What became of a command stands beside the talk by itself, and nobody is told meanwhile that there is nothing. */
async function timelines(page, answer) {
  const nothing = await page.locator("#playground").getAttribute("data-no-timeline");
  const about = page.locator("#timeline-about");
  await page.click('[data-says="/new"]');
  await answer.nth(2).waitFor();
  assert.notEqual(await about.textContent(), nothing);
  await page.locator("#timeline-lines [data-piece]:not([data-open])").waitFor({ state: "visible" });
  assert.ok(await about.isHidden());
  assert.match(await page.locator("#timeline-page").getAttribute("href"), /-\d+$/);
}

async function firstSteps(stage) {
  const { page } = stage;
  await stage.seen("03-first-steps");
  await page.click('a[href="/panel/welcome?kind=echo"]');
  await stage.fill("/name", "Parrot");
  await stage.seen("04-first-agent");
  await page.click('form[data-method] button[type="submit"]');
  await page.click('a[href="/panel/welcome?type=dingtalk"]');
  await stage.seen("05-first-channel");
  await stage.fill("/name", "Helpdesk");
  await stage.fill("/config/client_id", "ding-sim-app");
  await stage.fill("/config/client_secret", "wrong");
  await stage.fill("/config/api_base_url", SIMULATOR);
  await stage.fill("/config/oapi_base_url", SIMULATOR);
  // A wrong secret is named, with what to do about it, before anything is saved.
  await page.click("[data-check]");
  await stage.see(".check.failed .remedy");
  await stage.seen("06-check-failed");
  await stage.fill("/config/client_secret", "sim-secret");
  await page.click("[data-check]");
  await page.locator(".check.failed").first().waitFor({ state: "detached" });
  await stage.see(".check.ok");
  await stage.seen("07-check-fine");
  await page.click('form[data-method] button[type="submit"]');
  await stage.state("connected");
  await stage.write("ann", "hello there");
  await page.locator('article[data-channel] dl time:not([data-shown="full"])').nth(1).waitFor({ state: "visible" });
  await stage.seen("08-first-answer");
}

async function channel(stage) {
  const { page } = stage;
  await stage.goTo("/panel/channels");
  await stage.state("connected");
  await stage.seen("10-channels");
  // The switch acts, and the state follows by itself.
  await page.click('[role="switch"]');
  await stage.state("disabled");
  await stage.seen("11-channel-disabled");
  await page.click('[role="switch"]');
  await stage.state("connected");
  await page.click("article h2 a");
  await stage.see(".tabs");
  await page.click("[data-shows]");
  await stage.see("#checked .check");
  await stage.seen("12-channel-overview");
  await page.click('.tabs a[href$="/settings"]');
  await stage.see(".guide");
  await stage.seen("13-channel-settings");
  // A mistake stands at its field.
  await stage.fill("/name", "");
  await page.fill('[name="/name"]', " ");
  await page.click('form[data-method] button[type="submit"]');
  await stage.see('[name="/name"][aria-invalid="true"]');
  await stage.seen("14-channel-mistake");
  await stage.fill("/name", HOSTILE);
  await page.click('form[data-method] button[type="submit"]');
  await page.waitForURL(/\/panel\/channels\/chn_[0-9a-f]+$/);
  assert.equal(await page.locator("h1 bdi").textContent(), HOSTILE);
  await stage.goTo(`${new URL(page.url()).pathname}/access`);
  await page.fill("#im-user-id", "bob");
  await page.click('form[data-then="outcome"] button');
  await stage.see('#tried [data-from="outcome"]');
  await stage.seen("15-channel-access");
  // What is logged comes by itself.
  await stage.goTo(`${new URL(page.url()).pathname.replace("/access", "/log")}`);
  await page.locator("ol.log li").first().waitFor();
  await page.click("[data-pause]");
  await stage.see('[data-pause][aria-pressed="true"]');
  await stage.seen("16-channel-log");
}

async function conversations(stage) {
  const { page } = stage;
  await stage.write("ann", TURNED);
  await stage.goTo("/panel/conversations");
  await page.click("article h2 a");
  await stage.see(".line.user");
  // What is said while one looks comes by itself.
  await stage.write("ann", "live line");
  await page.getByText("live line", { exact: true }).first().waitFor();
  assert.ok((await page.locator(".words").allTextContents()).includes(TURNED));
  await stage.seen("20-transcript");
  await stage.goTo("/panel/conversations?q=hello");
  await stage.see("article");
  await stage.seen("21-conversations");
}

/** What is wrong in a part that is folded away is unfolded and shown, whichever button was pressed. */
async function foldedMistake(stage) {
  const { page } = stage;
  await stage.goTo("/panel/agents/new?kind=echo");
  await stage.fill("/name", "Folded");
  await stage.fill("/connect_timeout_ms", "5");
  const field = page.locator('[name="/connect_timeout_ms"]');
  const details = page.locator("details", { has: field });
  for (const button of ['form[data-method] button[type="submit"]', "[data-check]"]) {
    await details.locator("summary").click();
    await field.waitFor({ state: "hidden" });
    await page.click(button);
    await field.waitFor({ state: "visible" });
    assert.ok(await field.evaluate((element) => element === document.activeElement), button);
  }
  await stage.fill("/connect_timeout_ms", "");
  await stage.fill("/name", "");
}

async function otherPages(stage) {
  const { page } = stage;
  await stage.goTo("/panel/agents");
  await page.click('button[data-act="POST"]');
  await stage.see(".check.ok .time");
  await stage.seen("30-agents");
  await page.click("article h2 a");
  await stage.see("form[data-method]");
  await stage.seen("31-agent");
  await foldedMistake(stage);
  for (const [name, path] of [
    ["29-dashboard", "/panel/dashboard"],
    ["32-agent-kinds", "/panel/agents/new"],
    ["33-agent-new", "/panel/agents/new?kind=openai-chat"],
    ["34-platforms", "/panel/channels/new"],
    ["35-users", "/panel/users"],
    ["35-directories", "/panel/directories"],
    ["36-failures", "/panel/failures"],
    ["37-audit", "/panel/audit"],
    ["38-replicas", "/panel/replicas"],
  ]) {
    await stage.goTo(path);
    await stage.seen(name);
  }
  await stage.goTo("/panel/users");
  await page.click("table a");
  await stage.see("form[data-method]");
  await stage.seen("39-user");
  await overtaken(stage);
}

/** Whoever saves what somebody else has changed meanwhile is told that, and of no mistake. */
async function overtaken(stage) {
  const { page } = stage;
  const status = await page.evaluate(async () => {
    const proof = document.querySelector('meta[name="csrf-token"]').content;
    const headers = { "content-type": "application/json", "x-csrf-token": proof };
    const path = document.querySelector('form[data-method="PATCH"]').dataset.path;
    return (await fetch(path, { method: "PATCH", headers, body: '{"department": "elsewhere"}' })).status;
  });
  assert.equal(status, 200);
  await stage.fill("/department", "here");
  await page.click('form[data-method="PATCH"] button[type="submit"]');
  await stage.see('form[data-method="PATCH"] .rest');
  assert.ok(await page.locator("#said").isHidden());
  await stage.seen("39b-user-overtaken");
  await page.locator('[name="/department"]').fill("");
}

async function push(stage) {
  // The page asks for its pieces once its stream is open. A stream that opens afterwards would say that nothing is cut.
  const isOpen = stage.page.waitForResponse((answer) =>
    answer.request().resourceType() === "fetch" && answer.frame().url().endsWith("/panel/channels"));
  await stage.goTo("/panel/channels");
  await isOpen;
  await stage.state("connected");
  await stage.context.setOffline(true);
  await stage.see("#cut");
  await stage.seen("40-push-cut");
  await stage.context.setOffline(false);
  await stage.page.locator("#cut").waitFor({ state: "hidden" });
}

async function endings(stage) {
  const { page } = stage;
  // The other language, and back.
  await stage.menu();
  await stage.seen("41-menu");
  await page.click('[data-cookie="switchboard_language"]');
  const other = LANGUAGE === "en" ? "zh-CN" : "en";
  await page.locator(`html[lang="${other}"]`).waitFor();
  await stage.menu();
  await page.click('[data-cookie="switchboard_language"]');
  await page.locator(`html[lang="${LANGUAGE}"]`).waitFor();
  // A deletion wants the name.
  await page.click("article h2 a");
  await page.click('.tabs a[href$="/settings"]');
  await page.click('[data-opens="deletion"]');
  assert.ok(await page.locator("#deletion [data-act]").isDisabled());
  await page.fill("#deletion-name", "Helpdesk");
  assert.ok(await page.locator("#deletion [data-act]").isDisabled());
  await page.fill("#deletion-name", HOSTILE);
  await stage.seen("50-deletion");
  await page.click("#deletion [data-act]");
  await page.waitForURL(/\/panel\/channels$/);
  // The playground is left.
  assert.equal(await page.locator("article[data-channel]").count(), 1);
  // Signing out ends the session, not only the cookie.
  const cookies = await stage.context.cookies();
  const elsewhere = await stage.context.newPage();
  const listening = elsewhere.waitForRequest(`${BASE}/api/v1/events`);
  await elsewhere.goto(`${BASE}/panel/channels`);
  await listening;
  await stage.menu();
  await page.click('form[action="/panel/sign-out"] button');
  await stage.see("#token");
  // Whoever looks on in another window is pushed nothing more, and led to the sign-in.
  await elsewhere.locator("#token").waitFor();
  await stage.context.addCookies(cookies);
  await page.goto(`${BASE}/panel/channels`);
  await stage.see("#token");
}
