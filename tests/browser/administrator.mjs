// What an administrator does beside channels: goes back to an earlier version, makes and revokes a token, takes settings out
// and in.

import assert from "node:assert/strict";

/** Changes a channel, sees what differs, and takes it back. */
async function history(stage) {
  const { page } = stage;
  await stage.goTo("/panel/channels");
  await page.click("article h2 a");
  await page.click('.tabs a[href$="/settings"]');
  await stage.fill("/default_model", "another-model");
  const saved = page.waitForResponse((response) => response.request().method() === "PATCH");
  await page.click('form[data-method="PATCH"] button[type="submit"]');
  assert.equal((await saved).status(), 200);
  await page.waitForLoadState();
  await page.click('.tabs a[href$="/history"]');
  await page.getByText("another-model", { exact: true }).first().waitFor();
  const before = await page.locator("article").count();
  await stage.seen("60-history");
  await page.locator('[data-opens^="rollback-"]').first().click();
  await stage.see("dialog[open]");
  await stage.seen("61-rollback");
  await page.click("dialog[open] [data-act]");
  await page.locator("article").nth(before).waitFor();
  await stage.goTo("/panel/changes");
  await stage.see("table");
  await stage.seen("62-changes");
}

async function tokens(stage) {
  const { page } = stage;
  await stage.goTo("/panel/tokens");
  await page.fill('[name="/name"]', "somebody new");
  await page.selectOption('[name="/role"]', "viewer");
  await page.click('form[data-path="/api/v1/tokens"] button[type="submit"]');
  await stage.see("#token-made");
  assert.match(await page.locator('[data-from="token"]').textContent(), /^swb_[0-9a-f]{64}$/);
  await stage.seen("63-token");
  await page.click("#token-made a");
  const row = page.locator("tr", { hasText: "somebody new" });
  await row.locator("[data-opens]").click();
  await stage.see("dialog[open]");
  await stage.seen("64-revoke");
  await page.click("dialog[open] [data-act]");
  await row.waitFor({ state: "detached" });
  await stage.goTo("/panel/acts");
  await stage.see("table");
  await stage.seen("65-acts");
}

async function exchange(stage) {
  const { page } = stage;
  await stage.goTo("/panel/settings");
  const text = await page.evaluate(async () => (await fetch("/api/v1/export")).text());
  const doing = page.locator("form[data-import] button.primary");
  await page.fill("#import-text", text);
  await page.click("[data-dry]");
  await stage.see("#imported");
  assert.ok(await doing.isDisabled());
  await page.fill("#import-text", `${text}\n[[agents]]\nname = "imported"\nkind = "echo"\n`);
  await page.click("[data-dry]");
  await page.getByText("imported", { exact: true }).first().waitFor();
  await stage.seen("66-import");
  // What was said of the trials still stands there: only the answer tells that it is done.
  const done = page.waitForResponse((answer) => answer.url().includes("dry_run=false"));
  await doing.click();
  assert.equal((await done).status(), 200);
  await stage.goTo("/panel/agents");
  await page.getByText("imported", { exact: true }).first().waitFor();
  await stage.goTo("/panel/settings");
  await stage.seen("67-settings");
}

/** All of it, where there are a channel and an agent. */
export async function administration(stage) {
  await history(stage);
  await tokens(stage);
  await exchange(stage);
}
