// Keeps pages fresh and adds what HTML alone cannot do. Everything else works without it.
"use strict";

const root = document.documentElement;
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const REFRESH_MS = 5000;
const TAIL_MS = 1000;
const TYPING_MS = 250;
const NEWS_MS = 300;

// ---- Replacing what has changed ----

// Attributes that belong to the user or to this script.
const OWN = new Set(["open", "hidden"]);

// By the attribute: the `id` of a form is a field of that name, if it has one.
const idOf = (node) => node.getAttribute?.("id") ?? "";
const isSame = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && idOf(a) === idOf(b);

// Makes `old` like `fresh`, leaving alone what is alike, so that focus, scrolling and choices survive.
function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  // Output that is followed grows by itself.
  if (old.isEqualNode(fresh) || (old.dataset.tail && fresh.dataset.tail)) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !OWN.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && !OWN.has(name)) old.setAttribute(name, value);
  }
  // What comes and goes under its id shall not move what stands after it: choices would go with it.
  const ids = new Set([...fresh.children].map(idOf));
  for (const child of [...old.children]) if (idOf(child) && !ids.has(idOf(child))) child.remove();
  let here = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    let match = here && isSame(here, child) ? here : null;
    if (!match && idOf(child)) match = [...old.children].find((known) => isSame(known, child));
    if (match) {
      if (match === here) here = here.nextSibling;
      else old.insertBefore(match, here);
      morph(match, child);
    } else {
      old.insertBefore(document.importNode(child, true), here);
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

// Fetches a page of ours; tells when the server cannot be reached.
async function load(url, options) {
  try {
    const answer = await fetch(url, { cache: "no-store", ...options });
    $("#lost").hidden = true;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    $("#lost").hidden = false;
    return null;
  }
}

let newest = 0;

// Of several at once the last one asked for counts: it knows what was typed last.
async function refresh() {
  if (document.hidden || $("[data-editor]")) return;
  const mine = ++newest;
  const page = await load(location.href);
  if (!page || mine !== newest || $("[data-editor]")) return;
  document.title = page.title;
  root.toggleAttribute("data-live", page.documentElement.hasAttribute("data-live"));
  morph(document.body, page.body);
  arrange();
}

// ---- What is shown only with a script ----

function arrange() {
  for (const hidden of $$("[data-copy], [data-all], [data-follow-choice]")) hidden.hidden = false;
  tick();
  choose();
}

function rough(secs) {
  const days = Math.floor(secs / 86400), hours = Math.floor(secs / 3600) % 24, minutes = Math.floor(secs / 60) % 60;
  if (secs < 60) return `${secs} s`;
  if (secs < 3600) return `${minutes} min`;
  if (secs < 86400) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (secs < 864000 && hours) return `${days} d ${hours} h`;
  return `${days.toLocaleString("en")} d`;
}

function tick() {
  const now = Date.now();
  for (const time of $$("time[data-at]")) {
    const away = Number(time.dataset.at) - now;
    const secs = Math.floor(Math.abs(away) / 1000);
    const text = secs === 0 ? "now" : away > 0 ? `in ${rough(secs)}` : `${rough(secs)} ago`;
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---- Choosing jobs ----

function choose() {
  const all = $("[data-all]");
  if (!all) return;
  const boxes = $$("tbody input[name=id]");
  const chosen = boxes.filter((box) => box.checked).length;
  all.checked = chosen > 0 && chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  $("[data-chosen]").textContent = chosen ? `${chosen} chosen:` : "With the chosen:";
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) {
    for (const box of $$("tbody input[name=id]")) box.checked = event.target.checked;
  }
  choose();
});

// ---- Forms that answer while one types ----

let typing;

function later(action) {
  clearTimeout(typing);
  typing = setTimeout(action, TYPING_MS);
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-search]")) {
    later(() => {
      history.replaceState(null, "", `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
      refresh();
    });
  } else if (form?.matches("[data-editor]")) {
    later(async () => {
      const page = await load("/webui/preview", { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!page) return;
      const fresh = $("#preview").cloneNode(false);
      fresh.append(...page.body.childNodes);
      morph($("#preview"), fresh);
      arrange();
    });
  }
});

// ---- Clicks ----

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const words = copy.textContent;
    await navigator.clipboard.writeText($(`#${copy.dataset.copy}`).textContent);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = words), 1500);
  }
  const into = event.target.closest("[data-into]");
  if (into && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    const page = await load(into.href);
    const part = page && $(`#${into.dataset.into}`, page);
    if (!part) return location.assign(into.href);
    $(`#${into.dataset.into}`).replaceWith(document.adoptNode(part));
    arrange();
    $("[data-editor] input:not([type=hidden])")?.focus();
  }
});

// A button whose answer goes into this page.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-swap]");
  if (!button) return;
  event.preventDefault();
  const place = $(`#${button.dataset.swap}`);
  const fields = new FormData(button.form, button);
  button.disabled = true;
  place.setAttribute("aria-busy", "true");
  const page = await load(button.form.action, { method: "POST", body: new URLSearchParams(fields) });
  button.disabled = false;
  place.removeAttribute("aria-busy");
  const part = page && $(`#${button.dataset.swap}`, page);
  if (part) morph(place, document.adoptNode(part));
});

// ---- Following output ----

async function follow() {
  const output = $("[data-tail]");
  if (output && !document.hidden) {
    const { tail, next, style } = output.dataset;
    const page = await load(`${tail}?from=${next}&style=${style}`);
    const piece = page && $("[data-next]", page);
    // Somebody else may have replaced the page meanwhile.
    if (piece && output.isConnected && output.dataset.next === next) {
      output.append(...piece.childNodes);
      Object.assign(output.dataset, { next: piece.dataset.next, style: piece.dataset.style });
      if ($("[data-follow-end]")?.checked) output.scrollTop = output.scrollHeight;
      if (piece.hasAttribute("data-over")) {
        delete output.dataset.tail;
        await refresh();
      }
    }
  }
  setTimeout(follow, TAIL_MS);
}

// ---- Keys ----

let before = "";

function move(step) {
  const rows = $$("[data-row]");
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.min(Math.max(here + step, 0), rows.length - 1)];
  row && $("a", row)?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && isTyping) event.target.blur();
  if (isTyping) return;
  const key = before ? `${before} ${event.key}` : event.key;
  before = event.key === "g" ? "g" : "";
  const target = $$("[data-key]").find((known) => known.dataset.key === key);
  if (target) {
    event.preventDefault();
    if (target.matches("input")) target.select();
    else target.click();
  } else if (key === "j" || key === "k") {
    move(key === "j" ? 1 : -1);
  } else if (key === "x") {
    $("input[name=id]", document.activeElement.closest("[data-row]") ?? document.createElement("p"))?.click();
  } else if (key === "?") {
    $("#keys").showModal();
  }
});

// ---- Life of the page ----

// The server shows times in the zone of whoever looks, once it knows it.
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.cookie.includes(`nimesha_zone=${zone}`)) return;
  document.cookie = `nimesha_zone=${zone}; Path=/webui; Max-Age=31536000; SameSite=Strict`;
  if (zone !== document.body.dataset.zone) refresh();
}

// A reload must not tell again what was done.
if (/[?&]did=/.test(location.search)) {
  const url = new URL(location.href);
  url.searchParams.delete("did");
  url.searchParams.delete("n");
  history.replaceState(null, "", url);
}

// Where the server tells of changes, they are shown at once; else, and in case one is lost, every few seconds. A hidden
// page does not listen: a browser opens only a few connections to a server, and other pages of ours need some.
let stream = null;
let stale = false;
let shown = null;

// One look at a time: were the next to begin before the last has ended, a busy server's page would never change.
function news() {
  if (!root.hasAttribute("data-live")) return;
  stale = true;
  shown ??= show();
}

async function show() {
  while (stale) {
    await new Promise((passed) => setTimeout(passed, NEWS_MS));
    stale = false;
    await refresh();
  }
  shown = null;
}

function listen() {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else if (!stream) {
    stream = new EventSource(root.dataset.events);
    for (const kind of root.dataset.eventKinds.split(" ")) stream.addEventListener(kind, news);
  }
}

setInterval(tick, 1000);
setInterval(() => root.hasAttribute("data-live") && refresh(), REFRESH_MS);
document.addEventListener("visibilitychange", () => {
  listen();
  if (root.hasAttribute("data-live")) refresh();
});
arrange();
// What the page looks like comes first: after the next frame has been drawn there is time for the rest.
requestAnimationFrame(() => setTimeout(() => {
  tellZone();
  listen();
  follow();
}));
