#!/usr/bin/env node
// @ts-check
/**
 * Records streams to disk and plays them back, at their own pace or another.
 *
 *   node examples/recorder.js record camera+imu --device rover --folder recording
 *   node examples/recorder.js replay recording --device rover-again --speed 2
 *
 * `record` begins with what the streams hold (`--from '$'`: with what comes). Started again, also after kill -9, it goes
 * on behind the last entry of each file: nothing is missing and nothing there twice. Ctrl-C ends both with totals.
 * `replay` plays all streams of a folder together; `--speed 0` waits for nothing, `--keep-ids` stores the entries under
 * their old ids, which works where the stream has no younger ones.
 *
 * Each stream is a file of records: 4 bytes of length (big-endian), then so many bytes of MessagePack. The first is
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
const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
const stop = new AbortController();
const { signal } = stop;
/** What is on its way when a stop is asked for has so long, ms, to be acknowledged. */
const GRACE_MS = 3_000;
const cut = new AbortController();
for (const name of ["SIGINT", "SIGTERM"])
  process.on(name, () => {
    stop.abort();
    setTimeout(() => cut.abort(), GRACE_MS).unref();
  });
const streamer = connect(flags.url, { token: flags.token });
const onStatus = (/** @type {import("redis-streamer/client").Status} */ status) => {
  if (status.state === "waiting") say(`${flags.url}: ${status.error.message}; trying again`);
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
      if (gap) say(`${stream}: entries before ${id} were gone before they could be recorded`);
      if (gap) gaps++;
      append(files.get(stream)?.fd ?? -1, fields ? [id, data, Object.fromEntries(fields)] : [id, data]);
      entries++;
    }
  } finally {
    for (const { fd } of files.values()) fs.fdatasyncSync(fd);
    say(`recorded ${entries} entries, ${gaps} gaps, in ${flags.folder}`);
  }
}

/**
 * Opens the file of a stream, cuts off what a kill left of a last record, and finds the id of the last whole one.
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
    if (end === 0 && one.read().device !== device) throw new Error(`${path} records another device`);
    if (end > 0) last = one;
    end = one.end;
  }
  if (end < size) say(`${path}: ${size - end} bytes of an unfinished record cut off`);
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
 * The whole records of a file; each is read when it is asked for.
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
  if (!(speed >= 0)) throw new Error(`--speed wants to be a number, not "${flags.speed}"`);
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
    if (unsent === 1 && !signal.aborted) say(error.message);
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
    say(`replayed ${stored} entries, ${unknown} unknown (stored or not), ${unsent} not stored`);
    if (unknown + unsent > 0) process.exitCode = 1;
  }
}

/** A recorded stream on its way back. */
function openTrack(/** @type {string} */ path) {
  const all = records(fs.openSync(path, "r"));
  const advance = () => all.next().value?.read();
  const { format, device, stream } = advance() ?? {};
  if (format !== FORMAT) throw new Error(`${path} is no recording`);
  const push = streamer.push(stream, { device: flags.device ?? device, signal: cut.signal, onStatus });
  return {
    push,
    next: advance(),
    advance() {
      this.next = advance();
    },
  };
}

/** The track whose next entry comes first. @param {ReturnType<typeof openTrack>[]} tracks */
function oldest(tracks) {
  const left = tracks.filter(({ next }) => next !== undefined);
  return left.sort((a, b) => Number.parseInt(a.next[0], 10) - Number.parseInt(b.next[0], 10))[0];
}

const [command, subject] = positionals;
try {
  if (command === "record" && subject) await record(subject.split("+"));
  else if (command === "replay" && subject) await replay(subject);
  else
    throw new Error("usage: recorder.js record STREAM[+STREAM...] [--folder F] | replay FOLDER [--speed N]");
} catch (error) {
  if (!signal.aborted) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
