// Every flow by clicking, as somebody does who has never read the manual.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Site } from "../support/site.mjs";

let site, page;
before(async () => { site = await Site.start(); });
after(() => site.stop());
beforeEach(async () => {
  await site.api("DELETE", "/job/all/");
  page = await site.open();
});
afterEach(async () => {
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

const go = (path) => page.goto(site.origin + path);
const see = (text) => page.getByText(text).first().waitFor();

// How many have begun to listen to events so far.
async function listeners() {
  const metrics = await (await fetch(`${site.origin}/metrics`)).text();
  return Number(/route="\/api\/v1\/events\/".*status="200"} (\d+)/.exec(metrics)?.[1] ?? 0);
}

// Goes to a page to which only the event stream can bring news: it listens, and its own clock stands still.
async function goAndListen(path) {
  const before = await listeners();
  await go(path);
  while (await listeners() === before) await page.waitForTimeout(20);
  await page.evaluate(() => { for (let timer = 1; timer < 100; timer++) clearInterval(timer); });
}

test("the first job: preview while typing, create, run, follow, search, download", async () => {
  await go("/");
  await page.getByRole("link", { name: "Create the first one" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Count");
  await page.getByLabel("Command", { exact: true }).fill("for i in 1 2 3; do printf '\\033[32mline\\033[0m %s\\n' $i; sleep 0.7; done");
  await page.getByLabel("At a time of day").check();
  await page.getByLabel("Time", { exact: true }).fill("07:45");
  await page.getByLabel("Mon").check();
  await page.locator("#preview code", { hasText: "45 7 * * MON" }).first().waitFor();
  assert.equal(await page.locator("#preview tbody tr").count(), 10);
  await page.getByText("JSON", { exact: true }).click();
  await page.locator("#json", { hasText: '"schedule": "45 7 * * MON"' }).waitFor();
  await page.getByRole("button", { name: "Create job" }).click();
  await see("The job is stored.");
  assert.ok(!page.url().includes("did="), "a reload tells nothing twice");

  await page.getByRole("button", { name: "Start now" }).click();
  await see("Started 1 job.");
  await page.locator("table.runs a").first().click();
  await page.locator("#output", { hasText: "line 3" }).waitFor();
  await page.locator(".facts .ok", { hasText: "succeeded" }).waitFor();
  assert.equal(await page.locator("#output .f3").count(), 3);
  await page.getByLabel("Search the output").fill("LINE 2");
  await page.getByRole("button", { name: "Search" }).click();
  await see("1 place");
  assert.equal(await page.locator("#output mark").first().textContent(), "line");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
  assert.match(download.suggestedFilename(), /^run-.*\.txt$/);
});

test("a run is stopped", async () => {
  const id = await site.create({ name: "Long", command: "sleep 60" });
  await go(`/webui/job/${id}/`);
  await page.getByRole("button", { name: "Start now" }).click();
  await page.locator("table.runs a").first().click();
  await page.getByRole("button", { name: "Stop this run" }).click();
  await page.locator(".facts", { hasText: "cancelled" }).waitFor();
});

test("a job is edited in place, and a wrong schedule is explained", async () => {
  const id = await site.create({ name: "Edit me", schedule: "@daily" });
  await go(`/webui/job/${id}/`);
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByLabel("Schedule").fill("0 25 * * *");
  await page.locator("#preview .wrong").waitFor();
  await page.getByLabel("Schedule").fill("R//PT10M");
  await see("every 10 minutes from");
  await page.getByLabel("Name", { exact: true }).fill("Edited");
  await page.getByRole("button", { name: "Store changes" }).click();
  await see("The changes are stored.");
  const { job } = await site.api("GET", `/job/${id}/`);
  assert.deepEqual([job.name, job.schedule], ["Edited", "R//PT10M"]);
});

test("jobs are searched, chosen, switched and deleted with what hangs on them", async () => {
  const parent = await site.create({ name: "Parent", tags: ["etl"] });
  await site.create({ name: "Child", schedule: "", parent_jobs: [parent] });
  await site.create({ name: "Other" });
  await go("/webui/jobs");
  await page.getByLabel("Search jobs").fill("par");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.ok(page.url().includes("q=par"));
  await page.getByRole("link", { name: "etl" }).click();
  await page.getByTitle("Show jobs without this tag too").click();
  await page.getByLabel("Search jobs").fill("");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);

  await page.getByLabel("Choose all on this page").check();
  await see("3 chosen:");
  await page.getByRole("button", { name: "Disable" }).click();
  await see("Disabled 3 jobs.");
  await page.getByLabel("Choose Parent").check();
  await page.getByLabel("Status").selectOption("disabled");
  await page.getByText("Disabled 3 jobs.").waitFor({ state: "detached" });
  assert.ok(await page.getByLabel("Choose Parent").isChecked(), "a fresh page keeps what was chosen");
  await page.getByRole("button", { name: "Delete" }).click();
  await see("Delete 2 jobs?");
  await see("These go with them");
  await page.getByRole("button", { name: "Delete" }).click();
  await see("Deleted 1 job.");
  assert.equal(Object.keys((await site.api("GET", "/job/")).jobs).length, 1);
});

test("parents and children are a graph to walk along", async () => {
  const parent = await site.create({ name: "Extract" });
  const child = await site.create({ name: "Load", schedule: "", parent_jobs: [parent] });
  await go(`/webui/job/${child}/`);
  await page.locator(".graph a", { hasText: "Extract" }).click();
  await page.getByRole("heading", { name: "Extract" }).waitFor();
  await page.getByRole("link", { name: "Add child" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Publish");
  await page.getByLabel("Command", { exact: true }).fill("true");
  await page.getByRole("button", { name: "Create job" }).click();
  await see("after 1 parent");
});

test("pages stay fresh, and say when the server is gone", async () => {
  await go("/webui/jobs");
  await see("No jobs yet");
  await site.create({ name: "Appears" });
  await see("Appears");
  const port = new URL(site.origin).port;
  await site.kill();
  await page.locator("#lost").waitFor({ state: "visible" });
  await site.serve(port);
  await page.locator("#lost").waitFor({ state: "hidden" });
});

test("what happens shows at once, told by the server", async () => {
  await goAndListen("/webui/");
  const id = await site.create({ name: "Newcomer", schedule: "R//PT1H" });
  await see("Newcomer");
  await goAndListen(`/webui/job/${id}/`);
  await site.api("POST", `/job/start/${id}/`);
  await page.locator("table.runs", { hasText: "by hand" }).waitFor();
});

test("a command is tried before it is stored, and the form stays as it is", async () => {
  await go("/webui/new");
  await page.getByLabel("Command", { exact: true }).fill("echo tried $NAME; exit 3");
  await page.getByLabel("Environment").fill("NAME=well");
  await page.getByRole("button", { name: "Try it now" }).click();
  await page.locator("#tried", { hasText: "exit code 3" }).waitFor();
  assert.equal((await page.locator("#tried pre").textContent()).trim(), "tried well");
  assert.equal(await page.getByLabel("Command", { exact: true }).inputValue(), "echo tried $NAME; exit 3");
  assert.deepEqual((await site.api("GET", "/job/")).jobs, {});
});

test("a pause is a banner", async () => {
  await site.create({ name: "x" });
  await go("/webui/");
  await page.getByRole("button", { name: "Pause scheduling" }).click();
  await page.locator(".banner.warn").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await see("Scheduling goes on.");
  assert.equal(await page.locator(".banner.warn").count(), 0);
});

test("keys lead everywhere", async () => {
  const id = await site.create({ name: "Keyed" });
  await go("/webui/");
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await see("1 chosen:");
  await page.keyboard.press("/");
  await page.keyboard.type("key");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator(`#j${id} a`).first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/webui/job/${id}/`);
  await page.keyboard.press("n");
  await page.getByRole("heading", { name: "New job" }).waitFor();
});

test("times are in the zone of whoever looks, the theme as they chose", async () => {
  await site.create({ name: "Zoned", schedule: "0 12 * * *" });
  await go("/webui/");
  await see("Times in Europe/Berlin");
  await page.getByRole("button", { name: "Theme: auto" }).click();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
});

test("without a script everything can still be done", async () => {
  const plain = await site.open({ javaScriptEnabled: false });
  await plain.goto(`${site.origin}/webui/new`);
  await plain.getByLabel("Name", { exact: true }).fill("Plain");
  await plain.getByLabel("Command", { exact: true }).fill("echo plain");
  await plain.getByLabel("By hand").check();
  await plain.getByRole("button", { name: "Preview" }).click();
  await plain.getByText("Runs only when it is started").waitFor();
  await plain.getByRole("button", { name: "Try it now" }).click();
  await plain.locator("#tried", { hasText: "plain" }).waitFor();
  await plain.getByRole("button", { name: "Create job" }).click();
  await plain.getByRole("button", { name: "Start now" }).click();
  await plain.reload();
  await plain.locator("table.runs a").first().click();
  await plain.locator("#output", { hasText: "plain" }).waitFor();
  await plain.getByRole("link", { name: "Plain" }).first().click();
  await plain.getByRole("link", { name: "Delete" }).click();
  await plain.getByRole("button", { name: "Delete" }).click();
  await plain.getByText("No jobs yet").waitFor();
  assert.deepEqual(plain.faults, []);
  await plain.context().close();
});

test("a role sees what it may do, and a wrong token gets nobody in", async () => {
  const tokens = { reader: "read", nurse: "operate", boss: "admin" };
  const guarded = await Site.start({ tokens });
  try {
    await guarded.as("boss").api("POST", "/job/", { name: "Guarded", command: "true", schedule: "@manual" });
    const window = await guarded.open();
    const enter = async (token) => {
      await window.goto(`${guarded.origin}/webui/jobs`);
      await window.getByLabel("Token").fill(token);
      await window.getByRole("button", { name: "Sign in" }).click();
    };
    await enter("not-a-token");
    await window.getByText("This is no token").first().waitFor();
    for (const [name, buttons] of [["reader", []], ["nurse", ["Start", "Enable", "Disable"]], ["boss", ["Start", "Enable", "Disable", "Delete…"]]]) {
      await enter(guarded.secret(name));
      await window.getByRole("button", { name: "Sign out" }).waitFor();
      await window.goto(`${guarded.origin}/webui/jobs`);
      await window.getByText("Guarded").first().waitFor();
      assert.deepEqual(await window.locator(".bulk button").allTextContents(), buttons, name);
      await window.getByRole("button", { name: "Sign out" }).click();
    }
    await window.getByText("You are signed out.").waitFor();
    const cookies = await window.context().cookies();
    assert.ok(!cookies.some((cookie) => cookie.name === "nimesha_session" && cookie.value), "the session is over");
    assert.deepEqual(window.faults, []);
  } finally {
    await guarded.stop();
  }
});

test("a hundred thousand jobs are as quick to look through as ten", async (t) => {
  const crowded = await Site.start({ flags: ["--no-persist"] });
  try {
    for (let first = 0; first < 100_000; first += 5_000) {
      const jobs = Array.from({ length: 5_000 }, (_, at) => ({
        id: randomUUID(), name: `job ${first + at}`, command: "true", schedule: "R/2099-01-01T00:00:00Z/PT24H",
      }));
      await crowded.api("POST", "/import/", { jobs });
    }
    const window = await crowded.open();
    for (const path of ["/webui/", "/webui/jobs", "/webui/jobs?q=99999", "/webui/jobs?sort=name"]) {
      const begun = performance.now();
      await window.goto(crowded.origin + path);
      await window.getByText("100,000").or(window.getByText("job 99999")).first().waitFor();
      t.diagnostic(`${path} after ${Math.round(performance.now() - begun)} ms`);
    }
    assert.deepEqual(window.faults, []);
  } finally {
    await crowded.stop();
  }
});
