#!/usr/bin/env node
// Two jobs, the second after each success of the first: make them, start the first, and read what the second wrote.
//
//   contrib/examples/dependent_jobs.mjs [http://127.0.0.1:8000]

const API = `${process.argv[2] ?? "http://127.0.0.1:8000"}/api/v1`;

// The text of an answer; an error of the server is thrown with its words.
async function call(method, path, body) {
  const answer = await fetch(API + path, { method, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.parse(text).error}`);
  return text;
}

const create = async (job) => JSON.parse(await call("POST", "/job/", job)).id;

const parent = await create({ name: "extract", command: "echo extracted", schedule: "@manual" });
const child = await create({ name: "load", command: "echo loaded", parent_jobs: [parent] });

// Answers when the run, and the child's run after it, are over.
await call("POST", `/job/start/${parent}/`);

const [run] = JSON.parse(await call("GET", `/job/${child}/runs/?limit=1`)).runs;
const output = await call("GET", `/job/${child}/runs/${run.id}/output/`);
console.log(`the child wrote: ${output.trim()}`);

// The child has no other parent: it goes along.
await call("DELETE", `/job/${parent}/`);
