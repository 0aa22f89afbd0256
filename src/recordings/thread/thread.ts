/** Script of the thread that writes MCAP files: packing and compressing would hold up the clients of the event loop. */
import { parentPort } from "node:worker_threads";
import { NO_COMPRESSION } from "../../wire/mcap/mcap-writer.ts";
import { openCompression } from "../compression.ts";
import type { FromThread, ToThread } from "./messages.ts";
import { WrittenFile } from "./written-file.ts";

/** Interval in ms at which open chunks are checked for their age. */
const CHECK_EVERY_MS = 1000;

const port = parentPort;
if (port === null) throw new Error("thread.ts must run in a worker thread");

const zstd = await openCompression("zstd");
const files = new Map<number, WrittenFile>();

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

function fail(file: number, error: unknown): void {
  const { message, code } = error as NodeJS.ErrnoException;
  try {
    files.get(file)?.abort();
  } catch {
    // The first error is the one to report.
  }
  files.delete(file);
  send({ type: "failed", file, message, code });
}

function handle(message: ToThread): void {
  const { file } = message;
  if (message.type === "open") {
    const { options } = message;
    const compression = options.compression === "zstd" ? zstd : NO_COMPRESSION;
    const sendBytes = (bytes: Uint8Array) =>
      // The writer uses each of its buffers once.
      send({ type: "bytes", file, bytes }, bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : []);
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
    case "entries": {
      written.add(message.batch);
      const { buffer } = message.batch.bytes;
      send({ type: "taken", file, size: written.size, buffer }, [buffer]);
      break;
    }
    case "gap":
      written.addGap(message.gap);
      break;
    case "end":
      written.end();
      files.delete(file);
      send({ type: "ended", file, size: written.size });
      break;
    case "abort":
      files.delete(file);
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
