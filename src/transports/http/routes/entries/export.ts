/**
 * `GET /data/{stream_id}/entries?format=mcap`: the history as an MCAP file (docs/protocol.md, "Export"). It is read while the
 * client receives it, one batch ahead, and written in a thread.
 */
import type { FastifyReply } from "fastify";
import { accountName } from "../../../../access/limits/limits.ts";
import { asGatewayError } from "../../../../domain/errors.ts";
import { shown } from "../../../../domain/shown.ts";
import type { Gap } from "../../../../domain/streams/entry.ts";
import { type EntryId, earlierId } from "../../../../domain/streams/entry-id.ts";
import { unreadReason } from "../../../../domain/streams/metadata-size.ts";
import type { FileThread, OpenFile } from "../../../../recordings/thread/file-thread.ts";
import { DroppedEntries } from "../../../../recordings/thread/new-objects.ts";
import { SMALL_VALUE_BYTES } from "../../../../redis/registry/stored-values.ts";
import { FILE_FORMAT } from "../../../../wire/formats.ts";
import { describeIn, type FileMeta, readFileMetas } from "../../../request/file-metas.ts";
import { openStreams } from "../../../request/pattern-streams.ts";
import type { RequestedStreams } from "../../../request/streams.ts";
import { warn } from "../../../request/warning-headers.ts";
import type { ByteSink } from "../../../response/byte-sink.ts";
import { createClientSink } from "../../../response/client-sink.ts";
import { whenCut } from "../../../response/closing.ts";
import { countOut } from "../../../response/entries-sent.ts";
import { errorContext } from "../../../response/errors/error-log.ts";
import { memoryOf } from "../../../response/memory/response-memory.ts";
import { sendStreamedHead } from "../../../response/streamed-head.ts";
import type { RouteParts } from "../../route.ts";
import { groupedByStream, type MergedEntry, MergedRange, type MergedSource } from "./merged-history.ts";

/** Range of an export, and the thread that writes it. */
export interface ExportOptions {
  readonly start: EntryId;
  readonly end: EntryId;
  /** Name of the file without its extension. */
  readonly name: string;
  readonly files: FileThread;
}

/** Approximate size of one read of all streams. */
const BATCH_BYTES = 1024 * 1024;
/** Memory of an export: two batches, the open chunk before and after its compression, and its bytes on their way. */
const EXPORT_BYTES = 2 * BATCH_BYTES + 3 * 4 * 1024 * 1024;
/** Memory of large metadata: its text and its values on both sides of the thread, its schema, and the end of the file. */
const META_COPIES = 8;
/** Bytes of entries after which their memory is freed. */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024;
/** Maximum number of entries of one read. */
const MAX_READ = 2000;
/** Number of entries of the first read of a stream, whose entries may be far larger than expected. */
const FIRST_READ = 4;

/** Sends the file. @throws GatewayError before the response has begun */
export async function sendExport(
  reply: FastifyReply,
  requested: RequestedStreams,
  options: ExportOptions,
  parts: RouteParts,
): Promise<FastifyReply> {
  const { streams, access } = parts;
  const { visitor } = reply.request;
  access.limits.checkConnection(visitor);
  const { streams: found, pattern } = await openStreams(requested, visitor, parts);
  pattern?.close();
  const lease = memoryOf(reply, access.memory);
  const heads = found.map(({ key }) => streams.streamReader.expectedBytes(key, 1));
  const keys = found.map(({ key }) => key);
  const smallMetas = keys.length * SMALL_VALUE_BYTES;
  await lease.grow(EXPORT_BYTES + smallMetas + heads.reduce((sum, bytes) => sum + bytes, 0));
  const [metas, lastIds] = await Promise.all([
    readFileMetas(keys, {
      registry: streams.registry,
      client: accountName(visitor),
      reserve: (bytes) => lease.grow(bytes * META_COPIES),
    }),
    Promise.all(keys.map((key) => streams.registry.lastGeneratedId(key))),
  ]);
  // Without an end, an export of a stream that grows faster than the client reads would never end.
  const sources = found.map(({ key }, i): MergedSource => {
    const last = lastIds[i] ?? options.end;
    return {
      key,
      name: key,
      start: options.start,
      end: earlierId(last, options.end),
    };
  });
  warn(reply, parts.observe.warnings, "declaration", warningsOf(metas));
  const described = keys.map((key) => [key, metas.get(key)] as const);
  await new Export(reply, sources, options, parts).run(described);
  return reply;
}

/** Returns a warning if the file lacks the metadata of streams. */
function warningsOf(metas: ReadonlyMap<string, FileMeta>): readonly string[] {
  const unread = [...metas].flatMap(([key, meta]) => (typeof meta === "object" ? [{ key, meta }] : []));
  const [first] = unread;
  if (first === undefined) return [];
  const others = unread.length > 1 ? `, and ${unread.length - 1} others` : "";
  return [`the file lacks the metadata of ${shown(first.key)}${others}: ${unreadReason(first.meta)}`];
}

/** An export in progress. */
class Export {
  readonly #reply: FastifyReply;
  readonly #parts: RouteParts;
  readonly #range: MergedRange;
  readonly #options: ExportOptions;
  /** Gaps that the last reads have found. */
  #gaps: Gap[] = [];
  /** Entries that the thread has. */
  readonly #dropped = new DroppedEntries(COLLECT_EVERY_BYTES);
  /** Bytes of the file that the sink may still use. */
  #sent: Uint8Array[] = [];
  /** Why it ended early. */
  #failure: Error | undefined;
  /** The thread has written the end of the file. */
  #hasEnded = false;
  /** Continues after a wait. */
  #wake: () => void = () => undefined;

  constructor(
    reply: FastifyReply,
    sources: readonly MergedSource[],
    options: ExportOptions,
    parts: RouteParts,
  ) {
    this.#reply = reply;
    this.#parts = parts;
    this.#options = options;
    const { streamReader } = parts.streams;
    const share = BATCH_BYTES / Math.max(1, sources.length);
    const read = new Set<string>();
    this.#range = new MergedRange(streamReader, sources, {
      reverse: false,
      onGap: (gap) => {
        this.#gaps.push(gap);
        parts.observe.counters.gaps++;
      },
      countOf(key) {
        const max = read.has(key) ? MAX_READ : FIRST_READ;
        read.add(key);
        return Math.max(1, Math.min(max, Math.floor(share / streamReader.expectedBytes(key, 1))));
      },
    });
  }

  /** @param described stream keys with their metadata @throws GatewayError before the response has begun */
  async run(described: readonly (readonly [key: string, meta: FileMeta])[]): Promise<void> {
    const { access, config } = this.#parts;
    const first = await this.#range.next();
    const end = (error: Error) => this.#fail(error);
    const { visitor, raw } = this.#reply.request;
    const session = access.sessions.open(visitor, "export", raw.socket, end);
    const release = whenCut(this.#reply, access.closing, () => end(new ClientGone()));
    let file: OpenFile | undefined;
    try {
      access.sessions.use(
        session,
        "read",
        described.map(([key]) => key),
      );
      const sink = this.#sendHead();
      file = this.#options.files.open(
        { library: `redis-streamer ${config.version}`, compression: "zstd" },
        {
          onBytes: (bytes) => {
            sink.write({ parts: [bytes], bytes: bytes.length });
            this.#sent.push(bytes);
          },
          onTaken: () => this.#wake(),
          onEnded: () => {
            this.#hasEnded = true;
            this.#wake();
          },
          onFailed: end,
        },
      );
      for (const [key, meta] of described) describeIn(file, key, meta);
      await this.#sendAll(file, sink, first);
    } catch (error) {
      file?.abort();
      if (!this.#reply.raw.headersSent) throw error;
      this.#cutOff(error);
    } finally {
      release();
      access.sessions.forget(session);
    }
  }

  #sendHead(): ByteSink {
    const { raw, request } = this.#reply;
    sendStreamedHead(this.#reply, FILE_FORMAT.mediaType, {
      "content-disposition": `attachment; filename="${this.#options.name}.mcap"`,
    });
    return createClientSink(raw, request.visitor, this.#parts);
  }

  /** Sends the file after the head of the response. */
  async #sendAll(file: OpenFile, sink: ByteSink, first: readonly MergedEntry[]): Promise<void> {
    let entries: readonly MergedEntry[] | undefined = first;
    while (entries !== undefined) {
      for (const gap of this.#gaps) file.addGap(gap);
      this.#gaps = [];
      const groups = groupedByStream(entries);
      for (const group of groups) countOut(this.#parts.observe.streamClasses, group.stream, group.entries);
      file.add(groups);
      this.#dropped.add(file.bytesInFlight());
      // Read while the thread writes.
      const next: Promise<readonly MergedEntry[]> | undefined = this.#range.hasMore()
        ? this.#range.next()
        : undefined;
      // It is awaited below, unless the export fails before that.
      next?.catch(() => undefined);
      await this.#until(() => file.bytesInFlight() === 0);
      if (sink.isFull()) {
        sink.whenDrained(() => this.#wake());
        await this.#until(() => !sink.isFull());
      }
      if (sink.isEmpty()) this.#giveBackSent(file);
      entries = await next;
    }
    file.end();
    await this.#until(() => this.#hasEnded);
    sink.flush();
    this.#reply.raw.end();
  }

  /** Gives back chunks that the client's socket has taken. The garbage collector would keep tens of megabytes of them. */
  #giveBackSent(file: OpenFile): void {
    for (const bytes of this.#sent) file.giveBack(bytes);
    this.#sent = [];
  }

  /** Waits for a condition. @throws Error if the export fails first */
  async #until(isReached: () => boolean): Promise<void> {
    while (this.#failure === undefined && !isReached())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** Ends a response that has begun. Without its last chunk, it is an error to the client. */
  #cutOff(error: unknown): void {
    const { raw, request } = this.#reply;
    raw.destroy();
    if (error instanceof ClientGone) return;
    const at = errorContext("/data/{stream_id}/entries", request.visitor);
    this.#parts.observe.errorLog.note(asGatewayError(error), at);
  }
}

/** The client disconnected, or the gateway stops. */
class ClientGone extends Error {}
