/**
 * Sessions: the long-lived connections with their identities and the streams that they use. A session whose token
 * expires or whose key is revoked is closed, unless the client renews the token first.
 */
import { asGatewayError, GatewayError } from "../domain/errors.ts";
import type { StreamPosition } from "../domain/streams/cursor.ts";
import type { Visitor } from "./admission.ts";
import type { Authenticator } from "./identity/authenticator.ts";
import { authorize, type Identity } from "./identity/authorize.ts";
import type { Action } from "./identity/grant.ts";
import type { Limits } from "./limits/limits.ts";

/** One long-lived connection. */
export interface Session {
  readonly visitor: Visitor;
  /** The route that it uses. */
  readonly kind: SessionKind;
  /** Start time, in ms since 1970. */
  readonly sinceMs: number;
  readonly traffic: Traffic;
  /** Actions on streams that are in progress; a renewed token must permit all of them. */
  uses: readonly Use[];
  /** Closes the connection and sends the error to the client. */
  end(error: GatewayError): void;
  /** Identity under which the connection counts towards the limits, also after a renewal. */
  readonly countedAs: string;
  /** Streams of patterns, which need no permission to remain in progress. */
  patternUses: readonly PatternUse[];
  /**
   * Subscriptions of the connection, of which the lag can be computed. Most connections have one; a GraphQL connection may have
   * thousands.
   */
  readers: SessionReader | Set<SessionReader> | undefined;
  /** The identity that pattern uses were last filtered by. */
  permissions: Identity;
  /** Called after a renewal: permissions that were checked before must be checked again. */
  onRenewed?: () => void;
}

/** Bytes of a connection. Node's sockets have this shape. */
export interface Traffic {
  readonly bytesRead: number;
  /** Also those that are not sent yet. */
  readonly bytesWritten: number;
  /** Bytes that are not sent yet. */
  readonly writableLength: number;
}

/** The routes with long-lived connections. */
export type SessionKind = (typeof KINDS)[number];

const KINDS = ["push", "pull", "events", "mjpeg", "export", "work", "graphql", "foxglove"] as const;

/** An action on streams, by their keys. */
export interface Use {
  readonly action: Action;
  readonly keys: readonly string[];
}

/** Reading the streams of a pattern. They change as streams are created and deleted, and with the permissions of the client. */
export interface PatternUse {
  /** Keys of the streams that are read now. */
  keys(): Iterable<string>;
  /** Called when the permissions of the client may have changed. */
  onPermissions(identity: Identity): void;
}

/** Subscription of a connection. */
export interface SessionReader {
  /**
   * Returns the streams that may have entries after the last one that was sent; undefined while the subscription plays history
   * back, which is not a lag.
   */
  behind(): readonly StreamPosition[] | undefined;
}

/** Interval of the check for expired tokens, in ms. */
const REVIEW_EVERY_MS = 1000;

const NO_USES: readonly Use[] = [];
const NO_PATTERNS: readonly PatternUse[] = [];
const NOTHING = () => undefined;

/** A request in progress. */
interface Waiter {
  readonly visitor: Visitor;
  readonly onEnd: (error: GatewayError) => void;
}

/** Creates the error for an identity that is no longer valid. */
export const noLongerGood = () =>
  new GatewayError("UNAUTHENTICATED", "the token has expired or its key was revoked");

/** Returns the subscriptions of a connection. */
export function readersOf({ readers }: Pick<Session, "readers">): readonly SessionReader[] {
  if (readers === undefined) return [];
  return readers instanceof Set ? [...readers] : [readers];
}

/** Keeps the sessions of a gateway. */
export class Sessions {
  readonly #authenticator: Authenticator;
  readonly #limits: Limits;
  readonly #open = new Set<Session>();
  readonly #waiting = new Set<Waiter>();
  readonly #reviewing: NodeJS.Timeout | undefined;

  constructor(authenticator: Authenticator, limits: Limits) {
    this.#authenticator = authenticator;
    this.#limits = limits;
    this.#reviewing = authenticator.isOpen
      ? undefined
      : setInterval(() => this.review(), REVIEW_EVERY_MS).unref();
    authenticator.onKeysChange(() => this.review());
  }

  /** @param traffic the socket of the connection @param end closes it, and sends the error to the client */
  open(visitor: Visitor, kind: SessionKind, traffic: Traffic, end: (error: GatewayError) => void): Session {
    const { name } = visitor.identity;
    this.#limits.addConnection(visitor.address, name);
    const session: Session = {
      visitor,
      kind,
      sinceMs: Date.now(),
      traffic,
      uses: NO_USES,
      patternUses: NO_PATTERNS,
      readers: undefined,
      permissions: visitor.identity,
      countedAs: name,
      end,
    };
    this.#open.add(session);
    return session;
  }

  /** Authorizes and records an action on streams. @returns a function that removes the record @throws GatewayError FORBIDDEN */
  use(session: Session, action: Action, keys: readonly string[]): () => void {
    authorize(session.visitor.identity, action, keys);
    const use: Use = { action, keys };
    // Joined instead of pushed or spread, which reserve room for 16 more elements.
    session.uses = session.uses.concat(use);
    return () => {
      session.uses = session.uses.filter((one) => one !== use);
    };
  }

  /** Records reading the streams of a pattern. @returns a function that removes the record */
  usePattern(session: Session, use: PatternUse): () => void {
    session.patternUses = session.patternUses.concat(use);
    return () => {
      session.patternUses = session.patternUses.filter((one) => one !== use);
    };
  }

  /** Records a subscription. @returns a function that removes the record */
  read(session: Session, reader: SessionReader): () => void {
    const { readers } = session;
    if (readers === undefined) session.readers = reader;
    else if (readers instanceof Set) readers.add(reader);
    else session.readers = new Set([readers, reader]);
    return () => {
      if (session.readers instanceof Set) session.readers.delete(reader);
      else if (session.readers === reader) session.readers = undefined;
    };
  }

  /** Renews the token. A token that is invalid, or does not permit all recorded uses, closes the session. */
  async renew(session: Session, token: string): Promise<void> {
    if (this.#authenticator.isOpen) return;
    try {
      const identity = await this.#authenticator.identify({ kind: "token", token });
      for (const { action, keys } of session.uses) authorize(identity, action, keys);
      session.visitor.identity = identity;
      session.onRenewed?.();
      this.#applyPermissions(session);
    } catch (error) {
      session.end(asGatewayError(error));
    }
  }

  /**
   * Watches the identity of a request in progress, which is not a session. Calls back once if the identity becomes
   * invalid.
   *
   * @returns a function that stops watching
   */
  whileGood(visitor: Visitor, onEnd: (error: GatewayError) => void): () => void {
    if (this.#authenticator.isOpen) return NOTHING;
    const waiter: Waiter = { visitor, onEnd };
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  /** Removes a session whose connection has closed. */
  forget(session: Session): void {
    if (this.#open.delete(session)) this.#limits.removeConnection(session.visitor.address, session.countedAs);
  }

  list(): Iterable<Session> {
    return this.#open;
  }

  /** Number of sessions of each kind, including zeros. */
  counts(): ReadonlyMap<SessionKind, number> {
    const counts = new Map<SessionKind, number>(KINDS.map((kind) => [kind, 0]));
    for (const { kind } of this.#open) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  /** Closes the session with this id. @returns whether it was found */
  end(id: string, error: GatewayError): boolean {
    for (const session of this.#open) {
      if (session.visitor.id !== id) continue;
      session.end(error);
      return true;
    }
    return false;
  }

  /** Closes sessions and requests with an identity that is no longer valid. */
  review(): void {
    for (const session of this.#open) {
      if (this.#authenticator.isGood(session.visitor.identity)) continue;
      this.forget(session);
      session.end(noLongerGood());
    }
    for (const session of this.#open) if (session.patternUses.length > 0) this.#applyPermissions(session);
    for (const waiter of this.#waiting) {
      if (this.#authenticator.isGood(waiter.visitor.identity)) continue;
      this.#waiting.delete(waiter);
      waiter.onEnd(noLongerGood());
    }
  }

  close(): void {
    clearInterval(this.#reviewing);
  }

  #applyPermissions(session: Session): void {
    const identity = this.#authenticator.current(session.visitor.identity);
    if (identity === session.permissions) return;
    session.permissions = identity;
    for (const use of session.patternUses) use.onPermissions(identity);
  }
}
