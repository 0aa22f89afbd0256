/** Open connections as an operator sees them, of one process or of all workers of a gateway. */
import { GatewayError } from "../domain/errors.ts";
import type { PeerHandlers, RequestPeers } from "../domain/peers.ts";
import type { WorkSlices } from "../domain/scheduling/work-slice.ts";
import { lagsOf, type ReadBounds } from "./reader-lags.ts";
import type { Session, SessionKind, Sessions } from "./sessions.ts";

/** One connection. */
export interface ShownSession {
  readonly id: string;
  readonly kind: SessionKind;
  readonly identity: string;
  readonly address: string;
  /** ISO 8601. */
  readonly since: string;
  readonly expires: string | null;
  /** The first 100 of its streams, and the number of all. */
  readonly streams: readonly string[];
  readonly streamCount: number;
  /** Bytes that the client has sent, and that were sent to it, over the connection. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Bytes that wait because the client does not read them. */
  readonly unsentBytes: number;
  /**
   * Largest time (ms) between the last entry of a stream that was sent and the newest one; null for a connection that follows no
   * stream live, and if Redis does not reply.
   */
  readonly lagMs: number | null;
}

/** Lists connections and closes them. */
export interface SessionList {
  list(): Promise<readonly ShownSession[]>;
  /** Closes the connection with this id for an operator. @returns whether it was found */
  end(id: string): Promise<boolean>;
}

/** Maximum number of streams listed per connection. */
const MAX_STREAMS = 100;

/** Creates the list of one process. @param readBounds reads the bounds of the streams of readers that are behind */
export const createSessionList = (
  sessions: Sessions,
  readBounds: ReadBounds,
  slices: WorkSlices,
): SessionList => ({
  async list() {
    const listed = [...sessions.list()];
    const lags = await lagsOf(listed, readBounds, slices);
    return listed.map((session, i) => shown(session, lags[i] ?? null));
  },
  end: async (id) =>
    sessions.end(id, new GatewayError("CLOSED_BY_OPERATOR", "an operator closed this connection")),
});

const LIST = "sessions.list";
const END = "sessions.end";

/** Handlers of the requests of other workers for the list of this process. */
export const sessionHandlers = (own: SessionList): PeerHandlers => ({
  [LIST]: () => own.list(),
  [END]: (id: string) => own.end(id),
});

/** Merges the lists of all workers, oldest connection first. */
export const joinSessionLists = (own: SessionList, request: RequestPeers): SessionList => ({
  async list() {
    const lists = await Promise.all([own.list(), request<readonly ShownSession[]>(LIST)]);
    return lists.flat(2).sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
  },
  end: async (id) => (await own.end(id)) || (await request<boolean>(END, id)).includes(true),
});

function shown(
  { visitor, kind, sinceMs, traffic, uses, patternUses }: Session,
  lagMs: number | null,
): ShownSession {
  const { id, address, identity } = visitor;
  const streams = [
    ...new Set(
      [...uses, ...patternUses.map((use) => ({ keys: [...use.keys()] }))].flatMap(({ keys }) => keys),
    ),
  ];
  return {
    id,
    kind,
    identity: identity.name,
    address,
    since: new Date(sinceMs).toISOString(),
    expires: identity.expiresAtMs === undefined ? null : new Date(identity.expiresAtMs).toISOString(),
    streams: streams.slice(0, MAX_STREAMS),
    streamCount: streams.length,
    receivedBytes: traffic.bytesRead,
    sentBytes: traffic.bytesWritten - traffic.writableLength,
    unsentBytes: traffic.writableLength,
    lagMs,
  };
}
