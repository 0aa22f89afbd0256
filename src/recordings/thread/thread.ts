/** Script of the thread that writes MCAP files: packing and compressing would hold up the clients of the event loop. */
import { parentPort } from "node:worker_threads";
import { NO_COMPRESSION } from "../../wire/mcap/mcap-writer.ts";
import { openCompression } from "../compression.ts";
import { freeMemory } from "./free-memory.ts";
import type { FromThread, ToThread } from "./messages.ts";
import { MIN_SPARE_BYTES, SpareBuffers } from "./spare-buffers.ts";
import { CHUNK_BYTES, WrittenFile } from "./written-file.ts";

/** Interval in ms at which open chunks are checked for their age. */
const CHECK_EVERY_MS = 1000;

const port = parentPort;
if (port === null) throw new Error("thread.ts must run in a worker thread");

const zstd = await openCompression("zstd");
const files = new Map<number, WrittenFile>();
const spares = new SpareBuffers();

const send = (message: FromThread, transfer: readonly ArrayBuffer[] = []) =>
  port.postMessage(message, [...transfer]);

/** Runs a step of a file. A failure concerns this file only. */
function run(file: number, step: () => void): void {
  try {
    step();
  } catch (error) {
    fail(file, error);
  }
}

/** Copies bytes, to a spare buffer if they are many. */
function copyOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length < MIN_SPARE_BYTES) return new Uint8Array(bytes);
  const copy = new Uint8Array(spares.take(bytes.length), 0, bytes.length);
  copy.set(bytes);
  return copy;
}

function fail(file: number, error: unknown): void {
  const { message, code } = error as NodeJS.ErrnoException;
  try {
    files.get(file)?.abort();
  } catch {
    // The first error is the one to report.
  }
  forget(file);
  send({ type: "failed", file, message, code });
}

function forget(file: number): void {
  files.delete(file);
  if (files.size === 0) spares.clear();
}

function handle(message: ToThread): void {
  const { file } = message;
  if (message.type === "open") {
    const { options } = message;
    const compression = options.compression === "zstd" ? zstd : NO_COMPRESSION;
    const sendBytes = (bytes: Uint8Array, isReused: boolean) => {
      const own = isReused ? copyOf(bytes) : bytes;
      send({ type: "bytes", file, bytes: own }, own.buffer instanceof ArrayBuffer ? [own.buffer] : []);
    };
    files.set(file, new WrittenFile(options, compression, sendBytes));
    return;
  }
  const written = files.get(file);
  // It has failed, and its messages were on their way.
  if (written === undefined) return;
  switch (message.type) {
    case "describe":
      written.describe(message.key, message.meta);
      break;
    case "unread":
      written.addUnread(message.key, message.reason);
      break;
    case "entries": {
      written.add(message.batch);
      const { buffer } = message.batch.bytes;
      send({ type: "taken", file, size: written.size, buffer }, [buffer]);
      break;
    }
    case "gap":
      written.addGap(message.gap);
      break;
    case "spare":
      // Compressed chunks are smaller, and each is of another size.
      if (message.buffer.byteLength >= CHUNK_BYTES) spares.give(message.buffer);
      else freeMemory(new Uint8Array(message.buffer));
      break;
    case "end":
      written.end();
      forget(file);
      send({ type: "ended", file, size: written.size });
      break;
    case "abort":
      forget(file);
      written.abort();
      break;
    default:
      message satisfies never;
  }
}

setInterval(() => {
  for (const [file, written] of files) run(file, () => written.closeOldChunk());
}, CHECK_EVERY_MS);

port.on("message", (message: ToThread) => run(message.file, () => handle(message)));
