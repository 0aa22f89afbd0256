/** One batch for a worker without a connection: the entries that are there now, or the first that arrive within a time. */
import type { FastifyReply } from "fastify";
import type { Visitor } from "../../access/admission.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { RequestedCursor } from "../../domain/streams/cursor.ts";
import { bytesOf } from "../../domain/streams/entry.ts";
import { ReadMemory } from "../../live/memory/read-memory.ts";
import { reserveStreams, StreamMemory } from "../../live/memory/stream-memory.ts";
import type { Delivered } from "../../redis/groups/commands/group-commands.ts";
import type { Consumer } from "../../redis/groups/consumer.ts";
import type { NamedEntry } from "../../redis/groups/consumer-options.ts";
import type { Groups } from "../../redis/groups/groups.ts";
import { type CleanFormatName, cleanFormat } from "../../wire/formats.ts";
import type { Access } from "../parts.ts";
import { whenGone } from "../response/closing.ts";
import { memoryOf } from "../response/memory/response-memory.ts";
import type { WorkRequest } from "./work-request.ts";

/** Time (ms) that Redis has to reply, also for a client that does not wait. */
const MIN_WAIT_MS = 50;

/** A batch of one stream. */
export interface NextEntries {
  readonly key: string;
  /** Empty if none arrived in time. */
  readonly entries: readonly Delivered[];
  /** Entries that were trimmed before they were done. */
  readonly lost: readonly NamedEntry[];
}

/** Options of `nextEntries`. */
export interface NextOptions {
  readonly work: WorkRequest;
  readonly consumer: string;
  readonly from: RequestedCursor;
  readonly maxDeliver: number;
  readonly count: number;
  readonly waitMs: number;
  readonly format: CleanFormatName;
  readonly reply: FastifyReply;
  readonly access: Pick<Access, "closing" | "sessions" | "memory">;
  readonly visitor: Visitor;
}

/**
 * Receives a batch. Its memory is that of the response. Entries that arrive after it are returned to the group.
 *
 * @throws GatewayError
 */
export async function nextEntries(groups: Groups, options: NextOptions): Promise<NextEntries> {
  const { access, visitor, work } = options;
  const memory = new StreamMemory(access.memory.streams(visitor));
  reserveStreams(memory, work.streams);
  try {
    return await receiveBatch(groups, options);
  } finally {
    memory.release();
  }
}

async function receiveBatch(groups: Groups, options: NextOptions): Promise<NextEntries> {
  const { work, consumer: name, from, maxDeliver, count, waitMs, format, reply, access, visitor } = options;
  const lost: NamedEntry[] = [];
  let finish: (result: Delivered[], key: string) => void = () => undefined;
  let fail: (error: GatewayError) => void = () => undefined;
  const finished = new Promise<{ key: string; entries: readonly Delivered[] }>((resolve, reject) => {
    finish = (entries, key) => resolve({ key, entries });
    fail = reject;
  });
  // A rejection before the wait begins is reported by it.
  finished.catch(() => undefined);
  let opened: Consumer | undefined;
  const lease = memoryOf(reply, access.memory);
  const resume = () => opened?.resume();
  const memory = new ReadMemory(
    lease,
    { onRoom: resume, onFreed: resume },
    cleanFormat(format).encodedBytesPerByte,
  );
  const consumer = await groups.open({
    name,
    from,
    maxDeliver,
    memory,
    permits: 0,
    ...work,
    canSend: () => true,
    onEntries(key, entries) {
      opened?.detach();
      memory.hold(bytesOf(entries.map(({ entry }) => entry)));
      finish([...entries], key);
    },
    onLost: (key, ids) => lost.push(...ids.map((id) => ({ key, id }))),
    onError: (error) => fail(error),
  });
  opened = consumer;
  const timer = setTimeout(() => finish([], ""), Math.max(waitMs, MIN_WAIT_MS));
  const stopGone = whenGone(reply, access.closing, () => finish([], ""));
  const stopRevoked = access.sessions.whileGood(visitor, (error) => fail(error));
  try {
    consumer.grant(count);
    const { key, entries } = await finished;
    return { key, entries, lost };
  } finally {
    clearTimeout(timer);
    stopGone();
    stopRevoked();
    // Returns the entries of a client that has disconnected to the group. After a batch it has ended already.
    await consumer.close();
  }
}
