/** Definition of an attack, and the tools of a hostile client. */
import type { Random } from "../../check/random.ts";
import type { HostileSocket } from "./socket.ts";

/** Address and credentials for the hostile clients. */
export interface Target {
  readonly port: number;
  /** API key of the hostile clients; undefined if the gateway requires none. */
  readonly key: string | undefined;
}

/** One hostile client during one attack. */
export interface HostileClient {
  readonly random: Random;
  /** Aborts when the run ends. */
  readonly signal: AbortSignal;
  /** Opens a TCP connection to the gateway. Failures are not reported: a rejected client is a valid outcome. */
  connect(): HostileSocket;
  /** A request head, ready to be sent. `headers` may replace `Host`. */
  head(method: string, path: string, headers?: Readonly<Record<string, string | number>>): string;
  /** A whole request with a `Content-Length`. */
  request(method: string, path: string, body: string | Buffer, type?: string): Buffer;
  /** Returns the request head of a WebSocket handshake. */
  upgrade(path: string, headers?: Readonly<Record<string, string | number>>): string;
  /** Resolves after `ms`, or when the run ends. */
  wait(ms: number): Promise<void>;
}

/** One row of a table of attacks. */
export interface Attack {
  readonly name: string;
  /** Maximum number of clients that run this attack at once, if it is expensive for the attacking side. */
  readonly atMost?: number;
  /** The memory budget leaves room for large reads of other clients, so healthy clients send some. */
  readonly leavesRoom?: boolean;
  /** Time (ms) in which the gateway must release all resources after the attack, if it differs from that after others. */
  readonly releaseMs?: number;
  run(client: HostileClient): Promise<void>;
}

/** Stream of large entries, filled before the run: `BIG_ENTRIES` entries of `BIG_ENTRY_BYTES`. */
export const BIG_STREAM = "hostile-big";
export const BIG_ENTRIES = 900;
export const BIG_ENTRY_BYTES = 64 * 1024;
/** Stream of small entries, filled before the run. */
export const SMALL_STREAM = "hostile-small";
export const SMALL_ENTRIES = 900;
/** Number of streams named `hostile-many-N`, filled before the run. */
export const MANY_STREAMS = 300;
