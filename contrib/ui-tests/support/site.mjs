// A real server in a directory of its own, and a browser that looks at it.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export class Site {
  // Starts a server and a browser. `stop` ends both. `tokens` names who may come in, and their roles.
  static async start({ tokens, flags = [] } = {}) {
    const site = new Site();
    site.dir = mkdtempSync(join(tmpdir(), "nimesha-ui-"));
    site.flags = flags;
    if (tokens) {
      const lines = Object.entries(tokens).map(([name, role]) => `${name} ${role} ${site.secret(name)}\n`);
      writeFileSync(join(site.dir, "tokens"), lines.join(""), { mode: 0o600 });
      site.flags = [...flags, "--token-file", "tokens"];
    }
    await site.serve(0);
    site.browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
    return site;
  }

  async serve(port) {
    this.server = spawn(process.env.NIMESHA_BIN, ["serve", "--port", String(port), ...this.flags], { cwd: this.dir });
    this.origin = await new Promise((found, failed) => {
      let log = "";
      this.server.stderr.on("data", (data) => {
        log += data;
        const port = /Starting server on port :(\d+)/.exec(log);
        if (port) found(`http://127.0.0.1:${port[1]}`);
      });
      this.server.on("exit", () => failed(new Error(log)));
    });
  }

  async kill() {
    const gone = new Promise((done) => this.server.on("exit", done));
    this.server.kill("SIGKILL");
    await gone;
  }

  async stop() {
    await this.browser?.close();
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  // A window with its faults: errors of the script, refusals of the policy, requests to elsewhere.
  async open(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 860 }, timezoneId: "Europe/Berlin", ...options });
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|violates/.test(message.text())) page.faults.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(this.origin)) page.faults.push(`asks ${request.url()}`);
    });
    return page;
  }

  secret(name) {
    return `the-long-secret-of-${name}`;
  }

  // The API as this one's token opens it.
  as(name) {
    this.headers = { Authorization: `Bearer ${this.secret(name)}` };
    return this;
  }

  async api(method, path, body) {
    const answer = await fetch(`${this.origin}/api/v1${path}`, { method, body: body && JSON.stringify(body), headers: this.headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async create(job) {
    return (await this.api("POST", "/job/", { command: "true", schedule: "@manual", ...job })).id;
  }
}
