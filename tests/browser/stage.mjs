// A browser in front of the panel: pictures, checks of accessibility, and waiting for what comes.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const { BASE, CHROMIUM, LANGUAGE, MODULES, OUT, TOKEN, WIDTH, HEIGHT, LIGHT, SIMULATOR } = process.env;
const require = createRequire(`${MODULES}/`);
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Longest wait for anything; far longer than it takes on a busy machine. */
const CAP_MS = 60_000;

export { BASE, LANGUAGE, SIMULATOR, TOKEN };

/** Opens a browser, has `play` go through the panel in it, and fails with a picture of where it stopped. */
export async function onStage(play) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const context = await browser.newContext({
    locale: LANGUAGE,
    colorScheme: LIGHT,
    viewport: { width: Number(WIDTH), height: Number(HEIGHT) },
  });
  context.setDefaultTimeout(CAP_MS);
  const page = await context.newPage();
  const stage = new Stage(context, page);
  page.on("pageerror", (error) => stage.troubles.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    // Leaving a form asks; a dialog of anybody else's would be script that ran.
    if (dialog.type() !== "beforeunload") stage.troubles.push(`dialog: ${dialog.message()}`);
    dialog.accept();
  });
  page.on("console", (message) => {
    if (/Content.Security.Policy/i.test(message.text())) stage.troubles.push(`policy: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(BASE) && !request.url().startsWith("data:")) {
      stage.troubles.push(`asked elsewhere: ${request.url()}`);
    }
  });
  try {
    await play(stage);
    assert.deepEqual(stage.troubles, []);
  } catch (error) {
    await stage.picture("stopped-here").catch(() => {});
    console.error(`${page.url()}\n${error.stack}\n${stage.troubles.join("\n")}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

class Stage {
  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.troubles = [];
  }

  /** Goes to a page of the panel. */
  async goTo(path) {
    const response = await this.page.goto(`${BASE}${path}`);
    assert.equal(response.status(), 200, path);
  }

  /** A picture for people to look at. */
  async picture(name) {
    await this.page.evaluate(() => window.scrollTo(0, 0));
    await this.page.screenshot({ path: `${OUT}/${name}.png`, fullPage: true });
  }

  /** Looks at what is shown: nothing that keeps somebody out, nothing wider than the window; and takes a picture. */
  async seen(name) {
    assert.equal(await this.page.locator("html").getAttribute("lang"), LANGUAGE);
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
    });
    assert.deepEqual(found, [], `${name}: axe`);
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wider <= 0, `${name} is ${wider} pixels wider than the window`);
    await this.picture(name);
  }

  /** Waits until a selector is seen. */
  async see(selector) {
    await this.page.locator(selector).first().waitFor({ state: "visible" });
  }

  /** Opens the menu, where a window is so narrow that it has to be opened. */
  async menu() {
    const opener = this.page.locator("button.menu");
    if (await opener.isVisible()) await opener.click();
    await this.see("#menu nav");
  }

  /** Fills in a field by its name, opening what hides it. */
  async fill(pointer, value) {
    const field = this.page.locator(`[name="${pointer}"]`);
    const closed = this.page.locator("details:not([open])", { has: field });
    if ((await closed.count()) > 0) await closed.locator("summary").click();
    await field.fill(value);
  }

  /** Waits for the state of the first channel by its word's class. */
  async state(status) {
    await this.page.locator("article").first().locator(`.state.${status}`).waitFor({ state: "visible" });
  }

  /** Somebody writes to the bot. */
  async write(sender, text) {
    const answer = await fetch(`${SIMULATOR}/sim/api/push`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ app: "ding-sim-app", origin: { kind: "private", sender }, text }),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
}
