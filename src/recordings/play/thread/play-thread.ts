/** Script of the thread that reads recordings: decompressing and decoding would hold up the clients of the event loop. */
import { parentPort } from "node:worker_threads";
import { OpenPart } from "./open-part.ts";
import type { FromPlayThread, NextEntries, PlayCall, PlayResults, ToPlayThread } from "./play-messages.ts";

const port = parentPort;
if (port === null) throw new Error("play-thread.ts must run in a worker thread");

const parts = new Map<number, OpenPart>();
/** The last call for each part. */
const last = new Map<number, Promise<void>>();

async function perform(request: PlayCall): Promise<PlayResults[keyof PlayResults]> {
  if (request.act === "open") {
    const part = await OpenPart.open(request.files);
    parts.set(request.part, part);
    return part.facts();
  }
  const part = parts.get(request.part);
  if (request.act === "close") {
    parts.delete(request.part);
    last.delete(request.part);
    await part?.close();
    return undefined;
  }
  if (part === undefined) throw new Error("the part is not open");
  switch (request.act) {
    case "seek":
      await part.seek(request.fromMs);
      return undefined;
    case "next":
      return part.next();
    default:
      return request satisfies never;
  }
}

const isEntries = (value: PlayResults[keyof PlayResults]): value is NextEntries =>
  value !== undefined && "batch" in value;

async function answer({ call, request }: ToPlayThread): Promise<void> {
  let message: FromPlayThread;
  try {
    message = { call, value: await perform(request) };
  } catch (error) {
    message = { call, problem: (error as Error).message };
  }
  const buffers =
    "value" in message && isEntries(message.value) ? [message.value.batch.bytes.buffer as ArrayBuffer] : [];
  port?.postMessage(message, buffers);
}

port.on("message", (message: ToPlayThread) => {
  const { part } = message.request;
  const before = last.get(part) ?? Promise.resolve();
  last.set(
    part,
    before.then(() => answer(message)),
  );
});
