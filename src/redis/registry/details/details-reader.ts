/**
 * Reads stream details, which Redis copies the first and the last entry for. Streams whose edges are large are read once,
 * then checked (`remembered-details.ts`). A lookup of a stream that another one is reading waits for it, and then checks.
 */
import type { Commands } from "../../resp/commands.ts";
import type { Reply } from "../../resp/reader.ts";
import { collectReplies } from "../collect-replies.ts";
import { EdgeSizes } from "./edge-sizes.ts";
import { type DetailsCheck, REMEMBERED_BYTES, RememberedDetails } from "./remembered-details.ts";
import {
  areEntriesLarge,
  type DetailDepth,
  detailsCommand,
  detailsOf,
  reportedDetailsCommand,
  type StreamDetails,
  withoutLargePayloads,
} from "./stream-info.ts";

/** Requested details. */
export interface WantedDetails {
  /** If absent, none. */
  readonly depth?: DetailDepth | undefined;
  /** Maximum size (bytes) of included payloads; if absent, all are included. */
  readonly payloadBytes?: number | undefined;
}

/** Checks of the streams whose details are remembered, by key. */
export type Checks = ReadonlyMap<string, DetailsCheck>;

/** Streams to read. */
export interface DetailsRead {
  readonly keys: readonly string[];
  readonly checks: Checks;
  readonly depth: DetailDepth;
  /** Maximum size (bytes) of included payloads; if absent, all are included. */
  readonly payloadBytes?: number | undefined;
}

/** Reads details. */
export class DetailsReader {
  /** Omits large payloads from replies. */
  readonly #withoutPayloads: Pick<Commands, "send">;
  readonly #edgeSizes: EdgeSizes;
  readonly #remembered: RememberedDetails;
  /** Reads in flight of streams whose edges may be large. */
  readonly #reading = new Map<string, Promise<unknown>>();

  /** @param withoutPayloads omits payloads from `LARGE_PAYLOAD_BYTES` from replies */
  constructor(
    withoutPayloads: Pick<Commands, "send">,
    edgeSizes = new EdgeSizes(),
    remembered = new RememberedDetails(),
  ) {
    this.#withoutPayloads = withoutPayloads;
    this.#edgeSizes = edgeSizes;
    this.#remembered = remembered;
  }

  /** Call when this gateway has appended an entry. */
  appended(key: string, bytes: number): void {
    this.#edgeSizes.appended(key, bytes);
    // Otherwise the check of a stream that is trimmed with every entry would copy the new one.
    if (bytes >= REMEMBERED_BYTES) this.#remembered.forget(key);
  }

  /** Call when this gateway has deleted a stream. */
  deleted(key: string): void {
    this.#remembered.forget(key);
  }

  /** Returns the check of a stream; undefined if its details are not remembered. */
  checkOf(key: string, { depth, payloadBytes }: WantedDetails): DetailsCheck | undefined {
    return readsEdges(depth)
      ? this.#remembered.checkOf(key, depth === "facts" ? -1 : payloadBytes)
      : undefined;
  }

  /** Expected bytes of edge entries that a read without a check copies: both, whether or not they are wanted. */
  costOf(key: string, { depth }: WantedDetails): number {
    return readsEdges(depth) ? this.#edgeSizes.expected(key) : 0;
  }

  /** Returns the reads in flight of the same streams, if any. Afterwards, streams with large edges can be checked. */
  readsOf(keys: readonly string[], checks: Checks, { depth }: WantedDetails): Promise<unknown> | undefined {
    if (this.#reading.size === 0 || !readsEdges(depth)) return undefined;
    const reads = new Set<Promise<unknown>>();
    for (const key of keys) {
      const read = checks.has(key) ? undefined : this.#reading.get(key);
      if (read !== undefined) reads.add(read);
    }
    return reads.size === 0 ? undefined : Promise.all(reads);
  }

  /** Reads details in the order of the keys. Those of a stream that a check shows to have changed are undefined. */
  read(
    connection: Pick<Commands, "send">,
    { keys, checks, depth, payloadBytes }: DetailsRead,
  ): Promise<readonly (StreamDetails | undefined)[]> {
    const shared = readsEdges(depth) ? keys.filter((key) => !checks.has(key) && this.#mayBeLarge(key)) : [];
    const reading = this.#readAndLearn(connection, { keys, checks, depth, payloadBytes }).finally(() => {
      for (const key of shared) this.#reading.delete(key);
    });
    for (const key of shared) this.#reading.set(key, reading);
    return reading;
  }

  /** Whether both edges were small when they were last read; false if unknown. */
  areSmall(key: string): boolean {
    return this.#edgeSizes.areSmall(key);
  }

  /** Learns the sizes of the edge entries, and remembers the details if these are large. */
  learn(key: string, details: StreamDetails): void {
    this.#edgeSizes.learn(key, (details.first?.bytes ?? 0) + (details.last?.bytes ?? 0));
    this.#remembered.learn(key, details);
  }

  async #readAndLearn(
    connection: Pick<Commands, "send">,
    { keys, checks, depth, payloadBytes }: DetailsRead,
  ): Promise<readonly (StreamDetails | undefined)[]> {
    if (depth === "length") {
      const lengths = await collectReplies(
        connection,
        keys.map((key) => detailsCommand(key, depth)),
      );
      return lengths.map(detailsOf);
    }
    const commands = keys.map(
      (key) => checks.get(key)?.commands ?? [detailsCommand(key, depth, payloadBytes)],
    );
    const replies = await collectReplies(connection, commands.flat());
    const first = firstsOf(commands);
    const replyOf = (i: number): Reply => replies[first[i] ?? 0] ?? null;
    const large = await this.#readLarge(
      keys.filter((key, i) => !checks.has(key) && areEntriesLarge(replyOf(i), depth)),
    );
    return keys.map((key, i) => {
      const check = checks.get(key);
      if (check === undefined) {
        const reported = large.get(key);
        const details = detailsOf(reported ?? replyOf(i));
        if (readsEdges(depth)) this.learn(key, details);
        if (reported === undefined) return details;
        // Payloads within the limit are read after a check, which the details make possible.
        if (depth === "payloads" && this.#remembered.has(key)) return undefined;
        return withoutLargePayloads(details, depth === "facts" ? -1 : payloadBytes);
      }
      const details = check.detailsOf(replies.slice(first[i], first[i + 1]));
      if (details === undefined) this.#remembered.forget(key, check);
      return details;
    });
  }

  /** Reads the details of streams whose first reply only showed that their entries are large. @returns the replies, by key */
  async #readLarge(keys: readonly string[]): Promise<ReadonlyMap<string, Reply>> {
    if (keys.length === 0) return NO_REPLIES;
    const found = await collectReplies(this.#withoutPayloads, keys.map(reportedDetailsCommand));
    return new Map(keys.map((key, i) => [key, found[i] ?? null]));
  }

  /** Whether a read may copy large edges. The details of those between small and large are not remembered. */
  #mayBeLarge(key: string): boolean {
    if (this.#edgeSizes.areSmall(key)) return false;
    const bytes = this.#edgeSizes.expected(key);
    return bytes === 0 || bytes >= REMEMBERED_BYTES;
  }
}

const NO_REPLIES: ReadonlyMap<string, Reply> = new Map();

/** Returns the index of the first command of each list in all of them. */
function firstsOf(lists: readonly (readonly unknown[])[]): readonly number[] {
  let next = 0;
  return lists.map(({ length }) => {
    next += length;
    return next - length;
  });
}

const readsEdges = (depth: DetailDepth | undefined): boolean => depth === "facts" || depth === "payloads";
