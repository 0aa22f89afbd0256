/** Puts the dead letters of a group back into their stream, or deletes them, as a worker of the dead-letter stream. */
import type { PulledEntry, Streamer } from "../../../client/browser.ts";
import { deadLetterKey } from "./groups.ts";

/** Group of the console on a dead-letter stream: two consoles do not requeue an entry twice. */
const CONSOLE_GROUP = "requeue";
const IDLE_MS = 3_000;
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

/** Dead letters of a group, as the console shows them. */
export interface DeadLetters {
  readonly streamKey: string;
  readonly group: string;
  /** Number of letters that are shown. Later ones remain. */
  readonly count: number;
}

/** Options of `requeue` and `drop`. */
export interface DeadLetterOptions {
  readonly signal: AbortSignal;
  /** Called with the number of letters that are done. */
  readonly report: (done: number) => void;
  /** Time (ms) without a letter after which the work ends. @default 3_000 */
  readonly idleMs?: number;
}

/** Requeues dead letters. Each is stored in the stream before it is deleted from the dead letters. */
export async function requeue(
  streamer: Streamer,
  letters: DeadLetters,
  options: DeadLetterOptions,
): Promise<void> {
  const push = streamer.push(letters.streamKey, { device: "", signal: options.signal });
  try {
    await takeLetters(streamer, letters, options, async (letter) => {
      await push.send(letter.bytes(), { fields: ownFields(letter.fields) });
    });
  } finally {
    await push.close();
  }
}

/** Deletes dead letters. */
export const drop = (streamer: Streamer, letters: DeadLetters, options: DeadLetterOptions): Promise<void> =>
  takeLetters(streamer, letters, options, () => Promise.resolve());

/**
 * Handles and deletes letters, up to the number that is shown. Another console may take some of them: without its time limit, the work
 * would wait for letters that arrive later, and requeue those, too.
 */
async function takeLetters(
  streamer: Streamer,
  { streamKey, group, count }: DeadLetters,
  { signal, report, idleMs = IDLE_MS }: DeadLetterOptions,
  handle: (letter: PulledEntry) => Promise<void>,
): Promise<void> {
  const idle = new AbortController();
  const stop = () => idle.abort();
  let timer = setTimeout(stop, idleMs);
  const letters = streamer.work([deadLetterKey(streamKey, group)], {
    device: "",
    group: CONSOLE_GROUP,
    from: "0",
    delete: "acked",
    signal: AbortSignal.any([signal, idle.signal]),
  });
  try {
    let done = 0;
    for await (const letter of letters) {
      clearTimeout(timer);
      await handle(letter);
      await letter.ack();
      report(++done);
      if (done >= count) return;
      timer = setTimeout(stop, idleMs);
    }
  } catch (error) {
    if (!idle.signal.aborted || signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}
