/** Puts the dead letters of a group back into their stream, as a worker of the dead-letter stream. */
import type { PulledEntry, Streamer } from "../../../client/browser.ts";
import { deadLetterKey } from "./groups.ts";

/** Group of the console on a dead-letter stream: two consoles do not requeue an entry twice. */
const REQUEUE_GROUP = "requeue";
/** Fields that the gateway puts before those of a dead letter. */
const ADDED = ["stream", "id", "n", "reason"];

type Value = Uint8Array<ArrayBufferLike> | readonly Uint8Array<ArrayBufferLike>[];

/** Returns the fields of a dead letter without those that the gateway added. A repeated name is a list, the added value first. */
export function ownFields(fields: PulledEntry["fields"]): Readonly<Record<string, Value>> | undefined {
  const own = [...(fields ?? [])].flatMap(([name, value]): [string, Value][] => {
    if (!ADDED.includes(name)) return [[name, value]];
    if (value instanceof Uint8Array || value.length < 2) return [];
    const rest = value.slice(1);
    return [[name, rest.length === 1 ? (rest[0] ?? rest) : rest]];
  });
  return own.length === 0 ? undefined : Object.fromEntries(own);
}

/**
 * Requeues dead letters. Each is stored in the stream before it is deleted from the dead letters.
 *
 * @param count number of dead letters
 * @param report is called with the number of requeued ones
 */
export async function requeue(
  streamer: Streamer,
  streamKey: string,
  group: string,
  count: number,
  signal: AbortSignal,
  report: (done: number) => void,
): Promise<void> {
  const push = streamer.push(streamKey, { device: "", signal });
  const letters = streamer.work([deadLetterKey(streamKey, group)], {
    device: "",
    group: REQUEUE_GROUP,
    from: "0",
    delete: "acked",
    signal,
  });
  try {
    let done = 0;
    for await (const letter of letters) {
      await push.send(letter.bytes(), { fields: ownFields(letter.fields) });
      await letter.ack();
      report(++done);
      if (done >= count) return;
    }
  } finally {
    await push.close();
  }
}
