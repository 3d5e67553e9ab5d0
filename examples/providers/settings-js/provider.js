// A provider for aivp, after docs/protocol/v1.md: NAME=VALUE lines of a file. Node, and nothing else.
//
// Requests wait in a chain of promises, and between two items of one the loop of Node runs: so a cancel, and the end of
// stdin, are seen while a request is in hand.
"use strict";

const fs = require("fs");

const KIND = "env/setting";
const METHODS = ["initialize", "observe", "apply", "list", "shutdown"];
const FIELDS = ["file", "name", "value"];
const LINE = 4 * 1024 * 1024; // bytes of a message
const PART = 512 * 1024; // bytes of items in a notification, about

// An error of a whole request.
class Refusal extends Error {
  constructor(code, message, data) {
    super(message);
    this.form = data ? { code, message, data } : { code, message };
  }
}

// An error of one item.
class Problem extends Error {
  constructor(message, more) {
    super(message);
    this.form = { class: "permanent", message, ...more };
  }
}

// --- The file ------------------------------------------------------------------------------------------------------

function read(file) {
  try {
    return fs.readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw new Problem(`${file} cannot be read: ${error.code}`, { path: "/file" });
  }
}

function write(file, lines) {
  const draft = `${file}.aivp`; // always the same name: what a killed one left goes away with the next one
  try {
    const known = fs.statSync(file, { throwIfNoEntry: false });
    fs.rmSync(draft, { force: true });
    fs.writeFileSync(draft, lines.map((line) => line + "\n").join(""), { mode: 0o600, flag: "wx" });
    if (known) {
      fs.chownSync(draft, known.uid, known.gid);
      fs.chmodSync(draft, known.mode & 0o7777);
    }
    fs.renameSync(draft, file);
  } catch (error) {
    throw new Problem(`${file} cannot be written: ${error.code}`, { path: "/file" });
  }
}

const find = (lines, name) => lines.findIndex((line) => line.startsWith(name + "="));

// --- Requests ------------------------------------------------------------------------------------------------------

const isSecret = (value) => value !== null && typeof value === "object" && value.$aivp === "secret";
const plain = (value) => (isSecret(value) ? value.value : value);

function observe({ config, tainted = [] }) {
  const lines = read(config.file);
  const at = find(lines, config.name);
  if (at < 0) return { observed: null };
  const real = lines[at].slice(config.name.length + 1);
  const hidden = isSecret(config.value) || tainted.includes("value");
  const value = hidden ? { $aivp: "verdict", matches: real === plain(config.value) } : real;
  return { observed: { file: config.file, name: config.name, value } };
}

function apply({ config, action }) {
  const lines = read(config.file);
  const at = find(lines, config.name);
  if (action === "delete") {
    if (at >= 0) {
      lines.splice(at, 1);
      lines.length ? write(config.file, lines) : fs.rmSync(config.file, { force: true });
    }
  } else {
    const line = `${config.name}=${plain(config.value)}`;
    if (at < 0) lines.push(line);
    else if (lines[at] === line) return {};
    else lines[at] = line;
    write(config.file, lines);
  }
  return {};
}

function list({ kind, within = {} }) {
  if (kind !== KIND) throw new Refusal(-32602, "no such kind");
  if (!within.file) return [];
  const found = read(within.file).filter((line) => /^[A-Za-z_][A-Za-z0-9_]*=/.test(line)).sort();
  return found.map((line, number) => {
    const [name] = line.split("=", 1);
    const identity = { file: within.file, name };
    return { id: String(number), identity, attributes: { ...identity, value: line.slice(name.length + 1) } };
  });
}

function checked(items, isApply) {
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const fits = (item) =>
    isObject(item) && typeof item.id === "string" && item.kind === KIND && isObject(item.config) &&
    Object.keys(item.config).every((name) => FIELDS.includes(name)) &&
    (!isApply || (["create", "update", "delete"].includes(item.action) && isObject(item.seen)));
  if (!Array.isArray(items) || !items.every(fits)) throw new Refusal(-32602, "items of another form");
  return items;
}

// --- The session ---------------------------------------------------------------------------------------------------

let state = "new";
let isOver = false;
const canceled = new Set();

function send(message) {
  const data = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
  for (let at = 0; at < data.length; ) at += fs.writeSync(1, data, at);
}

async function each(request, items, work) {
  let answers = [], size = 0;
  for (const item of items) {
    await new Promise(setImmediate); // so that cancel and the end of stdin are seen
    let answer;
    if (isOver || canceled.has(request)) {
      answer = { id: item.id, error: { class: "canceled", message: "canceled before it was begun" } };
    } else {
      try {
        answer = { id: item.id, ...work(item) };
      } catch (error) {
        const bug = { class: "bug", message: `${error.name} at ${(error.stack || "").split("\n").pop().trim()}` };
        answer = { id: item.id, error: error instanceof Problem ? error.form : bug };
      }
    }
    const bytes = Buffer.byteLength(JSON.stringify(answer));
    if (size + bytes > PART && answers.length) {
      send({ method: "items", params: { request, items: answers } });
      answers = []; size = 0;
    }
    answers.push(answer);
    size += bytes;
  }
  return { items: answers };
}

async function result(id, method, params) {
  if (!METHODS.includes(method)) throw new Refusal(-32601, `no method ${method}`);
  if ((state === "open") === (method === "initialize") || state === "shut") throw new Refusal(-32600, "not now");
  if (params === null || typeof params !== "object") throw new Refusal(-32602, "no parameters");
  if (method === "initialize") {
    if (!params.protocol || typeof params.directory !== "string") throw new Refusal(-32602, "no protocol or directory");
    if (params.protocol.major !== 1) throw new Refusal(1, "unsupported protocol", { majors: [1] });
    state = "open";
    return {
      protocol: { major: 1, minor: 0 }, provider: { name: "env", version: "0.1.0" },
      kinds: { [KIND]: 1 }, capabilities: { cancel: true, list: true },
    };
  }
  if (method === "observe") return each(id, checked(params.items, false), (item) => ({ observation: observe(item) }));
  if (method === "apply") {
    if (typeof params.key !== "string") throw new Refusal(-32602, "no key");
    return each(id, checked(params.items, true), (item) => ({ outputs: apply(item) }));
  }
  if (method === "list") return { items: list(params) };
  state = "shut";
  return {};
}

async function take(message) {
  if (message === null || typeof message !== "object" || !("id" in message)) return;
  const { id, method, params } = message;
  try {
    if (!Number.isInteger(id) || typeof method !== "string") throw new Refusal(-32600, "no request");
    send({ id, result: await result(id, method, params) });
  } catch (error) {
    const form = error instanceof Refusal ? error.form : { code: -32603, message: error.name };
    send({ id: Number.isInteger(id) ? id : null, error: form });
  }
}

let rest = Buffer.alloc(0);
let queue = Promise.resolve();

function end() {
  isOver = true;
  queue.then(() => process.exit(0));
}

process.stdin.on("end", end);
process.stdin.on("data", (chunk) => {
  if (isOver) return;
  rest = Buffer.concat([rest, chunk]);
  for (let at; (at = rest.indexOf(10)) >= 0; ) {
    const line = rest.subarray(0, at);
    rest = rest.subarray(at + 1);
    let message;
    try {
      if (line.length >= LINE) throw new Error();
      message = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line));
    } catch (error) {
      return end();
    }
    if (message && message.method === "cancel" && !("id" in message)) canceled.add((message.params || {}).request);
    else queue = queue.then(() => take(message));
  }
  if (rest.length >= LINE) end();
});
