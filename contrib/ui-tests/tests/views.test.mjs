// Every view in light and dark, wide and narrow: nothing for axe to find, nothing that sticks out, nothing heavy.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";

import axe from "axe-core";

import { Site } from "../support/site.mjs";

const WEIGHT_MAX = 60_000;
const HOSTILE = "<script>alert(1)</script> \u202egnp\u202c \u05e9\u05dc\u05d5\u05dd " + "x".repeat(10_000);
const shots = process.env.NIMESHA_SCREENSHOTS;

let site, views;
before(async () => {
  site = await Site.start();
  const parent = await site.create({ name: "Extract orders", schedule: "R//PT1H", tags: ["etl"], description: "Every hour." });
  const child = await site.create({ name: "Load warehouse", schedule: "", parent_jobs: [parent], command: "echo oops >&2; exit 1" });
  const coloured = await site.create({ name: "Colours", command: "for c in 0 1 2 3 4 5 6 7; do printf \"\\033[3${c}mcolour\\033[0m \\033[9${c}mbright\\033[0m\\n\"; done" });
  await site.create({ name: HOSTILE, command: HOSTILE, tags: [HOSTILE.slice(0, 300)], schedule: "0 9 * * MON-FRI" });
  await site.create({ name: "Off", disabled: true, schedule: "@daily" });
  for (const id of [parent, coloured]) await site.api("POST", `/job/start/${id}/`);
  const long = await site.create({ name: "Long", command: "echo begun; sleep 300" });
  await site.api("POST", `/job/start/${long}/?wait=false`);
  const run = async (id) => (await site.api("GET", `/job/${id}/runs/`)).runs[0].id;
  views = {
    overview: "/webui/",
    jobs: "/webui/jobs",
    nothing: "/webui/jobs?q=nothing-is-called-so",
    job: `/webui/job/${child}/`,
    parent: `/webui/job/${parent}/`,
    ended: `/webui/job/${coloured}/run/${await run(coloured)}/?q=colour`,
    running: `/webui/job/${long}/run/${await run(long)}/`,
    new: "/webui/new",
    edit: `/webui/job/${parent}/edit`,
    delete: `/webui/jobs/delete?id=${parent}`,
    unknown: "/webui/job/93b65499-b211-49ce-57e0-19e735cc5abd/",
  };
});
after(() => site.stop());

for (const [theme, width] of [["light", 1280], ["dark", 1280], ["light", 360], ["dark", 360]]) {
  test(`${theme}, ${width} wide`, async () => {
    const page = await site.open({ viewport: { width, height: 800 }, colorScheme: theme, bypassCSP: true });
    for (const [name, path] of Object.entries(views)) {
      await page.goto(site.origin + path);
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      if (shots) {
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: `${shots}/${name}-${theme}-${width}.png`, fullPage: true });
      }
      const sticksOut = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(sticksOut <= 0, `${name} is ${sticksOut} px too wide`);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => axe.run());
      const found = violations.map((violation) => `${name}: ${violation.id} ${violation.nodes[0].html.slice(0, 200)}`);
      assert.deepEqual(found, []);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test("the page that asks for a token is for everybody", async () => {
  const guarded = await Site.start({ tokens: { boss: "admin" } });
  try {
    for (const [colorScheme, width] of [["light", 1280], ["dark", 360]]) {
      const page = await guarded.open({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true });
      await page.goto(`${guarded.origin}/webui/`);
      await page.getByLabel("Token").waitFor();
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => axe.run());
      assert.deepEqual(violations.map((violation) => violation.id), []);
      await page.context().close();
    }
  } finally {
    await guarded.stop();
  }
});

test("a view with all it loads is light, and quick to paint", async (t) => {
  for (const [name, path] of Object.entries(views)) {
    const page = await site.open();
    const session = await page.context().newCDPSession(page);
    let weight = 0;
    await session.send("Network.enable");
    session.on("Network.loadingFinished", (event) => (weight += event.encodedDataLength));
    await page.goto(site.origin + path, { waitUntil: "load" });
    const painted = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    const paint = await painted.jsonValue();
    t.diagnostic(`${name}: ${weight} bytes, first paint after ${Math.round(paint)} ms`);
    assert.ok(weight > 0 && weight < WEIGHT_MAX, `${name}: ${weight} bytes`);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});
