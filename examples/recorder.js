#!/usr/bin/env node
// @ts-check
/**
 * Records streams to disk and replays them, at the original or another speed.
 *
 *   node examples/recorder.js record camera imu --device rover --folder recording
 *   node examples/recorder.js replay recording --device rover-again --speed 2
 *
 * `record` starts with the stored entries, or with new entries only (`--from '$'`). After a restart, even after kill -9, it
 * resumes after the last entry of each file, without gaps or duplicates. Ctrl-C stops both commands and prints totals.
 * `replay` replays all streams of a folder together. `--speed 0` replays without delays. `--keep-ids` keeps the entry ids,
 * which requires that the target streams have no newer entries.
 *
 * Each file has the records of one stream: a 4-byte length (big-endian), then MessagePack. The first record is
 * `{format, device, stream}`, the others are `[entry_id, payload]` or `[entry_id, payload, fields]`. In Python:
 *
 *   while head := file.read(4):
 *       record = msgpack.unpackb(file.read(int.from_bytes(head, "big")))
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { decode, encode } from "@msgpack/msgpack";
import { connect } from "redis-streamer/client";

const FORMAT = "redis-streamer recording 1";
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: process.env.REDIS_STREAMER_URL ?? "http://127.0.0.1:8000" },
    token: { type: "string" },
    device: { type: "string" },
    folder: { type: "string", default: "recording" },
    from: { type: "string", default: "0" },
    speed: { type: "string", default: "1" },
    "keep-ids": { type: "boolean", default: false },
  },
});
const log = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
const stop = new AbortController();
const { signal } = stop;
/** Time to wait for outstanding acknowledgements after Ctrl-C, ms. */
const GRACE_MS = 3_000;
const cut = new AbortController();
for (const name of ["SIGINT", "SIGTERM"])
  process.on(name, () => {
    stop.abort();
    setTimeout(() => cut.abort(), GRACE_MS).unref();
  });
const streamer = connect(flags.url, { token: flags.token });
const onStatus = (/** @type {import("redis-streamer/client").Status} */ status) => {
  if (status.state === "waiting") log(`${flags.url}: ${status.error.message}; retrying`);
};

/** @param {readonly string[]} streams */
async function record(streams) {
  const device = flags.device ?? "default";
  fs.mkdirSync(flags.folder, { recursive: true });
  const files = new Map(streams.map((stream) => [stream, openToAppend(device, stream)]));
  const from = Object.fromEntries([...files].map(([stream, { last }]) => [stream, last ?? flags.from]));
  let entries = 0;
  let gaps = 0;
  try {
    for await (const entry of streamer.pull(streams, { device, from, signal, onStatus })) {
      const { stream, id, data, fields, gap } = entry;
      if (gap) log(`${stream}: entries before ${id} were trimmed before they were recorded`);
      if (gap) gaps++;
      append(files.get(stream)?.fd ?? -1, fields ? [id, data, Object.fromEntries(fields)] : [id, data]);
      entries++;
    }
  } finally {
    for (const { fd } of files.values()) fs.fdatasyncSync(fd);
    log(`recorded ${entries} entries, ${gaps} gaps, in ${flags.folder}`);
  }
}

/**
 * Opens the file of a stream, truncates an incomplete last record, and returns the id of the last complete one.
 *
 * @param {string} device @param {string} stream
 */
function openToAppend(device, stream) {
  const path = join(flags.folder, `${encodeURIComponent(stream)}.rec`);
  const fd = fs.openSync(path, "a+");
  const { size } = fs.fstatSync(fd);
  let end = 0;
  let last;
  for (const one of records(fd)) {
    if (end === 0 && one.read().device !== device)
      throw new Error(`${path} contains a recording of another device`);
    if (end > 0) last = one;
    end = one.end;
  }
  if (end < size) log(`${path}: ${size - end} bytes of an incomplete record removed`);
  fs.ftruncateSync(fd, end);
  if (end === 0) append(fd, { format: FORMAT, device, stream });
  return { fd, last: last?.read()[0] };
}

/** @param {number} fd @param {unknown} value */
function append(fd, value) {
  const body = encode(value);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  if (fs.writevSync(fd, [head, body]) < 4 + body.length) throw new Error("the disk is full");
}

/**
 * Yields the complete records of a file. A record is read only when `read` is called.
 *
 * @param {number} fd
 * @returns {Generator<{ end: number, read: () => any }, void, undefined>}
 */
function* records(fd) {
  const { size } = fs.fstatSync(fd);
  const head = Buffer.alloc(4);
  for (let at = 0; at + 4 <= size; ) {
    fs.readSync(fd, head, 0, 4, at);
    const start = at + 4;
    const length = head.readUInt32BE();
    at = start + length;
    if (length === 0 || at > size) return;
    const read = () => {
      const bytes = Buffer.alloc(length);
      fs.readSync(fd, bytes, 0, length, start);
      return decode(bytes);
    };
    yield { end: at, read };
  }
}

/** @param {string} folder */
async function replay(folder) {
  const speed = Number(flags.speed);
  if (!(speed >= 0)) throw new Error(`--speed must be a number of at least 0, got "${flags.speed}"`);
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".rec"));
  const tracks = names
    .map((name) => openTrack(join(folder, name)))
    .filter((track) => track.next !== undefined);
  let stored = 0;
  let unknown = 0;
  let unsent = 0;
  const failed = (/** @type {any} */ error) => {
    if (error.code === "APPEND_UNKNOWN") unknown++;
    else unsent++;
    if (unsent === 1 && !signal.aborted) log(error.message);
  };
  const startedMs = performance.now();
  let firstMs;
  try {
    for (let track = oldest(tracks); track !== undefined; track = oldest(tracks)) {
      const [id, data, fields] = track.next;
      const timeMs = Number.parseInt(id, 10);
      firstMs ??= timeMs;
      const waitMs = speed === 0 ? 0 : startedMs + (timeMs - firstMs) / speed - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      signal.throwIfAborted();
      await track.push.ready();
      track.push.send(data, { id: flags["keep-ids"] ? id : undefined, fields }).then(() => stored++, failed);
      track.advance();
    }
  } finally {
    await Promise.all(tracks.map(({ push }) => push.close()));
    log(`replayed ${stored} entries, ${unknown} unknown (may or may not be stored), ${unsent} not stored`);
    if (unknown + unsent > 0) process.exitCode = 1;
  }
}

/** Opens a recorded stream for replay. */
function openTrack(/** @type {string} */ path) {
  const all = records(fs.openSync(path, "r"));
  const advance = () => all.next().value?.read();
  const { format, device, stream } = advance() ?? {};
  if (format !== FORMAT) throw new Error(`${path} is not a recording`);
  const push = streamer.push(stream, { device: flags.device ?? device, signal: cut.signal, onStatus });
  return {
    push,
    next: advance(),
    advance() {
      this.next = advance();
    },
  };
}

/** Returns the track with the oldest next entry. @param {ReturnType<typeof openTrack>[]} tracks */
function oldest(tracks) {
  const left = tracks.filter(({ next }) => next !== undefined);
  return left.sort((a, b) => Number.parseInt(a.next[0], 10) - Number.parseInt(b.next[0], 10))[0];
}

const [command, ...subjects] = positionals;
try {
  if (command === "record" && subjects.length > 0) await record(subjects);
  else if (command === "replay" && subjects[0]) await replay(subjects[0]);
  else throw new Error("usage: recorder.js record STREAM... [--folder F] | replay FOLDER [--speed N]");
} catch (error) {
  if (!signal.aborted) {
    log(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
