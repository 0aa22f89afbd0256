/**
 * Key events: reports keys with given prefixes that any client may have created or removed. A report is only a hint to look
 * at the key. Each server uses the first of these that it supports:
 *
 * 1. Keyspace events, if `notify-keyspace-events` has `K` and `n` (Redis 7).
 * 2. `CLIENT TRACKING` in broadcast mode, which reports every change of a key.
 * 3. Nothing: the caller scans the keys from time to time.
 */
import type { Logger } from "../../../domain/logger.ts";
import { type Commands, type Database, databaseOver } from "../../resp/commands.ts";
import type { Connection, ConnectionHooks } from "../../resp/connection.ts";
import type { Reply } from "../../resp/reader.ts";
import { CHANNEL_END, channelsOf, flagsOf } from "./key-event-commands.ts";
import { armServer, type ServerMode } from "./server-mode.ts";

/** Kind of a key event. `replaced`: created, possibly in place of another value. `changed`: anything. */
export type KeyChange = "created" | "removed" | "replaced" | "changed";

/** Connections that report key events: one, or one to each node of a cluster. */
export interface KeyEventSource {
  readonly database: Database;
  /** Whether the server has been found to support RESP3. Called after a first reply. */
  isResp3(): boolean;
  close(): void;
}

/** Events of a `KeyEventSource`. */
export interface KeyEventSourceHooks {
  /** A RESP3 push message arrived. */
  readonly onPush: (message: Reply[]) => void;
  /** A connection is ready, for the first time or again. */
  readonly onReady: () => void;
}

/** Opens the connections. */
export type OpenKeyEventSource = (hooks: KeyEventSourceHooks) => KeyEventSource;

/** Key events over one connection. @param open opens it */
export const keyEventsOver =
  (open: (hooks: ConnectionHooks) => Connection): OpenKeyEventSource =>
  (hooks) => {
    const connection = open(hooks);
    return {
      database: databaseOver(connection),
      isResp3: () => connection.protocol() === 3,
      close: () => connection.close(),
    };
  };

/** Events for the user of `KeyEvents`. */
export interface KeyEventHooks {
  readonly onChange: (key: string, change: KeyChange) => void;
  /** Changes may have been missed. Those from now on are reported. */
  readonly onMissed: () => void;
}

const CHANGES: Readonly<Record<string, KeyChange>> = {
  new: "created",
  rename_to: "replaced",
  copy_to: "replaced",
  del: "removed",
  expired: "removed",
  evicted: "removed",
  rename_from: "removed",
  move_from: "removed",
};
/** Maximum number of prefixes: Redis compares each event with each of them. Beyond it, all keys are reported. */
const MAX_PREFIXES = 64;
/** Every key begins with it. */
const ALL_KEYS = "";
/** Time (ms) before arming is tried again. */
const RETRY_MS = 200;

/** Reports changes while it is open. */
export class KeyEvents {
  readonly #hooks: KeyEventHooks;
  readonly #logger: Logger;
  readonly #source: KeyEventSource;
  readonly #prefixes = new Set<string>();
  #modes = new Map<Commands, ServerMode>();
  /** The last arming, settled or not. */
  #arming: Promise<void> = Promise.resolve();
  #isArmed = false;
  #isRestoring = false;
  #isClosed = false;

  constructor(open: OpenKeyEventSource, hooks: KeyEventHooks, logger: Logger) {
    this.#hooks = hooks;
    this.#logger = logger;
    this.#source = open({ onPush: (message) => this.#onPush(message), onReady: () => this.#onReady() });
  }

  /** Reads the keys; its commands and the reports of one server arrive in order. */
  get database(): Database {
    return this.#source.database;
  }

  /** Whether created keys are reported by all servers. */
  get reportsCreations(): boolean {
    return this.#modes.size > 0 && [...this.#modes.values()].every(({ kind }) => kind !== "none");
  }

  /** Whether removed keys, and flushes, are reported by all servers. */
  get reportsRemovals(): boolean {
    return this.#modes.size > 0 && [...this.#modes.values()].every((mode) => mode.reportsRemovals);
  }

  /** Reports changes of keys with a prefix from when the promise resolves. @throws an error of Redis */
  async cover(prefix: string): Promise<void> {
    if (!this.#prefixes.has(ALL_KEYS))
      this.#prefixes.add(this.#prefixes.size < MAX_PREFIXES ? prefix : ALL_KEYS);
    await this.#arm();
  }

  /** Ends the reports for a prefix, unless all keys are reported. */
  uncover(prefix: string): void {
    if (this.#prefixes.has(ALL_KEYS)) return;
    this.#prefixes.delete(prefix);
    for (const [server, { kind, prefixes }] of this.#modes) {
      // Tracking cannot drop a prefix without an interruption, so its further reports are ignored by the user.
      if (kind === "events" && prefixes.delete(prefix))
        server.send(["PUNSUBSCRIBE", channelsOf(prefix)], () => undefined);
    }
  }

  /** Resolves when all changes before this call have been reported. @throws an error of Redis */
  async settle(): Promise<void> {
    let arming: Promise<void>;
    do {
      arming = this.#arming;
      await arming.catch(() => undefined);
      await this.#source.database.onEach((server) => server.call("PING"));
      // The connection was opened again meanwhile.
    } while (arming !== this.#arming);
  }

  /** Arms again if a server's configuration has changed. */
  async checkConfiguration(): Promise<void> {
    let hasChanged = false;
    await this.#source.database.onEach(async (server) => {
      const mode = this.#modes.get(server);
      if (mode !== undefined && (await flagsOf(server)) !== mode.flags) hasChanged = true;
    });
    if (hasChanged) this.#restore();
  }

  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }

  #onReady(): void {
    // Commands before the first arming wait for the connection.
    if (this.#isArmed) this.#restore();
  }

  /** Arms all servers from the beginning until that succeeds. */
  #restore(): void {
    this.#modes = new Map();
    if (this.#isRestoring) return;
    this.#isRestoring = true;
    this.#arm().then(
      () => {
        this.#isRestoring = false;
        this.#hooks.onMissed();
      },
      () => {
        setTimeout(() => {
          this.#isRestoring = false;
          if (!this.#isClosed) this.#restore();
        }, RETRY_MS).unref();
      },
    );
  }

  /** Arms all servers for all prefixes, one arming after the other. */
  #arm(): Promise<void> {
    const arming = this.#arming
      .catch(() => undefined)
      .then(async () => {
        const modes = this.#modes;
        const isResp3 = () => this.#source.isResp3();
        let wasInterrupted = false;
        await this.#source.database.onEach(async (server) => {
          const before = modes.get(server);
          const mode = await armServer(server, before, this.#prefixes, isResp3, this.#logger);
          if (before !== undefined && mode !== before) wasInterrupted = true;
          modes.set(server, mode);
        });
        this.#isArmed = true;
        if (wasInterrupted) this.#hooks.onMissed();
        // A connection was lost meanwhile.
        if (modes !== this.#modes) this.#restore();
      });
    this.#arming = arming;
    return arming;
  }

  #onPush([kind, ...rest]: Reply[]): void {
    switch (String(kind)) {
      case "pmessage": {
        const [, channel, event] = rest.map(String);
        const change = CHANGES[event ?? ""];
        const at = channel?.indexOf(CHANNEL_END) ?? -1;
        if (change === undefined || at < 0) return;
        this.#hooks.onChange((channel ?? "").slice(at + CHANNEL_END.length), change);
        return;
      }
      case "invalidate": {
        const [keys] = rest;
        if (!Array.isArray(keys)) this.#hooks.onMissed();
        else for (const key of keys) this.#hooks.onChange(String(key), "changed");
        return;
      }
      default:
    }
  }
}
