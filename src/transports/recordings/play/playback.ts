/** A playback of a recording: its entries are stored again at their pace, on behalf of the client that started it. */
import { createHash, randomUUID } from "node:crypto";
import type { Visitor } from "../../../access/admission.ts";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import { within } from "../../../domain/scheduling/timeout.ts";
import { bytesOf, type NewEntry } from "../../../domain/streams/entry.ts";
import { isoTime } from "../../../domain/streams/entry-id.ts";
import { Player } from "../../../recordings/play/player.ts";
import type { PartReader, PlayedEntry, PlayReader } from "../../../recordings/play/thread/play-reader.ts";
import type { PlaybackRequest, PlaybackState, PlaybackStatus } from "../../../recordings/playback-status.ts";
import type { TransportParts } from "../../parts.ts";
import { storeMetas } from "../../request/append/store-metas.ts";
import { PlaybackWriter } from "./playback-writer.ts";

/** Contents of a playback. */
export interface PlaybackPlan {
  /** Name and start of the recording. */
  readonly name: string;
  readonly started: string;
  readonly paths: readonly string[];
  /** Keys of the streams that entries are stored in, by recorded key. */
  readonly targets: ReadonlyMap<string, string>;
  /** Range in ms since 1970, both included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly request: PlaybackRequest;
  /** The client whose permissions and limits apply. */
  readonly visitor: Visitor;
}

/** Reason of the end of a playback. */
interface Ending {
  readonly state: Exclude<PlaybackState, "playing" | "paused">;
  readonly error: string | null;
}

/** Memory besides chunks and large entries: batches on their way from the thread, and entries that wait to be stored. */
const BUFFER_BYTES = 2 * 1024 * 1024;
/** Time in ms for storing due entries when a playback ends early. */
const FLUSH_MS = 1000;

/** Playback of one recording. */
export class Playback {
  readonly #plan: PlaybackPlan;
  readonly #parts: TransportParts;
  readonly #stopping = new AbortController();
  readonly #stopped: Promise<unknown>;
  readonly #writer: PlaybackWriter;
  readonly #player: Player<PlayedEntry>;
  readonly #lease: MemoryLease;
  readonly #started = new Date().toISOString();
  /** Key under which entries are numbered. */
  readonly #dedupe: string;
  /** Number of the last entry of each stream. */
  readonly #numbers = new Map<string, number>();
  #part: PartReader | undefined;
  #passes = 0;
  #waitsFor: string | null = null;
  #ending: Ending | undefined;
  /** The status after its end. */
  #last: PlaybackStatus | undefined;
  /** Entries that are larger than permitted. */
  #rejected = 0;

  constructor(plan: PlaybackPlan, parts: TransportParts) {
    const { fromMs, toMs, request, visitor } = plan;
    this.#plan = plan;
    this.#parts = parts;
    this.#dedupe = dedupeKeyOf(plan);
    this.#stopped = new Promise((resolve) => {
      this.#stopping.signal.addEventListener("abort", resolve);
    });
    this.#lease = parts.access.memory.receive("append", visitor);
    this.#writer = new PlaybackWriter(parts, visitor, {
      onWaiting: (reason) => {
        if (this.#waitsFor === reason) return;
        this.#waitsFor = reason;
        this.#player.setHeld(reason !== null);
      },
      onHeld: (bytes) => this.#lease.set(this.#baseBytes() + bytes),
    });
    this.#player = new Player<PlayedEntry>({
      ...{ fromMs, toMs, rate: request.rate, isPaused: false },
      read: (from) => this.#read(from),
      signal: this.#stopping.signal,
      now: () => performance.now(),
    });
  }

  /** Opens the files, and stores the metadata of the streams. @throws GatewayError */
  async open(reader: PlayReader): Promise<void> {
    const { paths, targets, fromMs, toMs } = this.#plan;
    try {
      this.#part = await reader.open({ paths, keys: [...targets.keys()], fromMs, toMs });
    } catch (error) {
      this.#lease.release();
      throw new GatewayError("RECORDING_UNPLAYABLE", (error as Error).message);
    }
    try {
      await this.#lease.grow(this.#baseBytes());
      await storeMetas(this.#part.metas, targets, this.#parts);
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  setPaused(isPaused: boolean): void {
    this.#player.setPaused(isPaused);
  }

  /** Ends it early: `run` resolves soon. */
  stop(ending: Ending): void {
    this.#ending ??= ending;
    this.#stopping.abort();
  }

  status(): PlaybackStatus {
    if (this.#last !== undefined) return this.#last;
    const { request, fromMs, toMs, targets, visitor } = this.#plan;
    return {
      state: this.#player.isPaused ? "paused" : "playing",
      error: this.#waitsFor,
      ...{ started: this.#started, ended: null, rate: request.rate, loop: request.loop },
      ...{ from: isoTime(fromMs), to: isoTime(toMs), position: isoTime(Math.round(this.#player.positionMs)) },
      streams: Object.fromEntries(targets),
      ...{ stored: this.#writer.stored, bytes: this.#writer.bytes, notStored: 0, passes: this.#passes },
      dedupe: request.dedupe ?? null,
      owner: visitor.identity.name,
    };
  }

  /** Plays until the end. Resolves to the status after its last entry is stored or dropped. */
  async run(): Promise<PlaybackStatus> {
    const { access, observe } = this.#parts;
    const forget = access.sessions.whileGood(this.#plan.visitor, ({ message }) =>
      this.stop({ state: "failed", error: message }),
    );
    observe.counters.playbacks++;
    const ending = await this.#playToEnd();
    forget();
    this.#writer.close();
    this.#last = {
      ...{ ...this.status(), ...ending },
      ended: new Date().toISOString(),
      notStored: this.#writer.notStored + this.#rejected,
    };
    this.#release();
    observe.counters.playbacks--;
    this.#log(this.#last);
    return this.#last;
  }

  async #playToEnd(): Promise<Ending> {
    try {
      const playing = this.#playAll();
      await Promise.race([playing, this.#stopped]);
      // Entries that were due before a stop are stored, if Redis replies. The state has the number of the others.
      await within(FLUSH_MS, playing);
    } catch (error) {
      await within(FLUSH_MS, this.#writer.settled()).catch(() => undefined);
      const { code, message } = asGatewayError(error);
      // The thread reports errors of files.
      return { state: "failed", error: code === "INTERNAL" ? (error as Error).message : message };
    }
    return this.#ending ?? { state: "finished", error: null };
  }

  #log({ state, error, stored, notStored, owner }: PlaybackStatus): void {
    const { observe } = this.#parts;
    const details = { recording: this.#plan.name, ...{ owner, state, stored, notStored } };
    if (state !== "failed") {
      observe.logger.info(details, "a playback of a recording ended");
      return;
    }
    observe.counters.playbacksFailed++;
    observe.logger.warn({ ...details, error }, "a playback of a recording failed");
  }

  async #playAll(): Promise<void> {
    const { loop } = this.#plan.request;
    const { signal } = this.#stopping;
    let delivered = 0;
    do {
      delivered = 0;
      await this.#player.play((played) => {
        delivered++;
        return this.#store(played);
      });
      if (!signal.aborted) this.#passes++;
      // Without entries, the passes would follow each other without a pause.
    } while (loop && delivered > 0 && !signal.aborted);
    await this.#writer.settled();
  }

  #store({ key, entry }: PlayedEntry): void | Promise<void> {
    const { maxMessageBytes } = this.#parts.config;
    const bytes = bytesOf([entry]);
    if (bytes > maxMessageBytes) {
      this.#rejected++;
      throw new GatewayError(
        "TOO_LARGE",
        `the entry ${entry.id} of ${key} has ${bytes} bytes; MAX_MESSAGE_BYTES permits ${maxMessageBytes}`,
      );
    }
    const number = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, number);
    const stored: NewEntry = {
      key: this.#plan.targets.get(key) ?? key,
      ...{ id: "*", data: entry.data, dedupe: { key: this.#dedupe, number } },
      ...(entry.fields && { fields: entry.fields }),
    };
    return this.#writer.add(stored, bytes);
  }

  #read(fromMs: number): AsyncGenerator<PlayedEntry, void, undefined> {
    if (this.#part === undefined) throw new Error("the playback is not open");
    return this.#part.read(fromMs);
  }

  #baseBytes(): number {
    return (this.#part?.bytes ?? 0) + BUFFER_BYTES;
  }

  #release(): void {
    this.#part?.close();
    this.#lease.release();
  }
}

/**
 * Returns the key under which entries are numbered. A client's key is completed by everything that decides the numbers, so that
 * entries of another part of a recording are not taken for those that are stored.
 */
function dedupeKeyOf({ name, started, fromMs, request: { dedupe } }: PlaybackPlan): string {
  if (dedupe === undefined) return `play-${randomUUID()}`;
  const digest = createHash("sha256")
    .update(JSON.stringify([dedupe, name, started, fromMs]))
    .digest("base64url");
  return `play-${digest}`;
}
