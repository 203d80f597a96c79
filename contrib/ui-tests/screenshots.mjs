// Takes the pictures that the README shows, of a server with a day of a small company's jobs.
//
//   CHROMIUM=/usr/bin/chromium NIMESHA_BIN=target/release/nimesha node contrib/ui-tests/screenshots.mjs

import { mkdirSync } from "node:fs";
import { randomUUID } from "node:crypto";

import { Site } from "./support/site.mjs";

const MINUTE = 60_000;
const pictures = new URL("../screenshots/", import.meta.url).pathname;

// The same numbers each time, so that a new picture differs where the pages do.
let seed = 7;
const chance = () => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff;

// Runs of the last twelve hours, every so many minutes.
function runs(everyMinutes, durationMs, failing) {
  const list = [];
  const now = Date.now();
  for (let at = now - (now % (everyMinutes * MINUTE)); at > now - 12 * 60 * MINUTE; at -= everyMinutes * MINUTE) {
    const started = at + 0.3 + chance() * 2;
    const took = durationMs * (0.7 + chance() * 0.6);
    const failed = chance() < failing;
    list.push({
      trigger: "schedule", scheduled_at: new Date(at).toISOString(), started_at: new Date(started).toISOString(),
      finished_at: new Date(started + took).toISOString(), attempts: 1, outcome: failed ? "failed" : "succeeded",
      exit_code: failed ? 1 : 0, execution_duration: Math.round(took * 1e6),
    });
  }
  return list.reverse();
}

function job(name, schedule, everyMinutes, durationMs, failing, more = {}) {
  const history = everyMinutes ? runs(everyMinutes, durationMs, failing) : [];
  const failed = history.filter((run) => run.outcome === "failed").length;
  const last = (outcome) => history.findLast((run) => !outcome || run.outcome === outcome)?.started_at;
  return {
    id: randomUUID(), name, schedule, command: "true", timezone: "Europe/Berlin", created_at: new Date(Date.now() - 40 * 24 * 60 * MINUTE).toISOString(),
    success_count: history.length - failed, error_count: failed, number_of_finished_runs: history.length, runs: history,
    last_attempted_run: last(), last_success: last("succeeded"), last_error: last("failed"), ...more,
  };
}

const extract = job("Extract orders", "R/2026-01-01T00:05:00+01:00/PT1H", 60, 21_000, 0.04, { tags: ["etl"], command: "etl extract --source shop" });
const load = job("Load warehouse", "", 0, 0, 0, { timezone: "", tags: ["etl"], parent_jobs: [extract.id], command: "etl load --target warehouse" });
const report = job("Send report", "", 0, 0, 0, { timezone: "", tags: ["etl"], parent_jobs: [load.id], command: "report --to sales@example.com" });
const jobs = [
  extract, load, report,
  job("Back up database", "30 2 * * *", 0, 0, 0, { tags: ["nightly"], command: "pg_dump shop | zstd > /srv/backup/shop.zst", retries: 2, retry_delay: "PT5M" }),
  job("Renew certificates", "0 4 * * MON", 0, 0, 0, { tags: ["nightly"], command: "certbot renew --quiet" }),
  job("Check shop", "R/2026-01-01T00:00:00Z/PT5M", 5, 180, 0.03, { command: "", type: 1, remote_properties: { url: "https://shop.example.com/health", method: "GET" } }),
  job("Rotate thumbnails", "*/15 * * * *", 15, 4_200, 0.06, { command: "thumbs --rotate --jobs 4" }),
  job("Sync mirrors", "R/2026-01-01T00:10:00Z/PT30M", 30, 95_000, 0.12, { command: "rsync -a mirror::packages /srv/mirror" }),
  job("Invoice run", "0 6 1 * *", 0, 0, 0, { tags: ["monthly"], command: "invoices --month last" }),
  job("Clean up uploads", "@daily", 0, 0, 0, { tags: ["nightly"], command: "find /srv/uploads -mtime +30 -delete" }),
];

const site = await Site.start({ flags: ["--timezone", "Europe/Berlin"] });
try {
  await site.api("POST", "/import/", { jobs });
  // What happened before its start a server reads from its store.
  await site.kill();
  await site.serve(0);
  const index = await site.create({ name: "Reindex search", command: "echo 'reading 48,211 documents'; sleep 300", schedule: "@manual" });
  await site.api("POST", `/job/start/${index}/?wait=false`);
  mkdirSync(pictures, { recursive: true });
  const take = async (name, path, colorScheme, height, prepare = async () => {}) => {
    const page = await site.open({ viewport: { width: 1280, height }, colorScheme });
    await page.goto(site.origin + path);
    await prepare(page);
    await page.screenshot({ path: `${pictures}${name}.png` });
    await page.context().close();
  };
  await take("overview", "/webui/", "light", 800);
  await take("job", `/webui/job/${extract.id}/`, "dark", 900);
  await take("new", "/webui/new", "light", 800, async (page) => {
    await page.getByLabel("Name", { exact: true }).fill("Nightly backup");
    await page.getByLabel("Command", { exact: true }).fill("echo backed up $TARGET");
    await page.getByLabel("Environment").fill("TARGET=/srv");
    await page.getByRole("button", { name: "Try it now" }).click();
    await page.locator("#tried pre").waitFor();
    await page.getByLabel("At a time of day").check();
    await page.getByLabel("Time", { exact: true }).fill("02:30");
    await page.locator("#preview code", { hasText: "30 2" }).first().waitFor();
    await page.evaluate(() => scrollTo(0, 0));
  });
} finally {
  await site.stop();
}
