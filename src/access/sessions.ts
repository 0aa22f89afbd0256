/**
 * The connections that last: who is behind each, what it may do, and how it ends when that changes. A connection whose
 * token expires or whose key is revoked is closed, unless it shows a fresh token before.
 */
import { asGatewayError, GatewayError } from "../domain/errors.ts";
import type { Visitor } from "./admission.ts";
import type { Authenticator } from "./identity/authenticator.ts";
import { authorize } from "./identity/authorize.ts";
import type { Action } from "./identity/grant.ts";
import type { Limits } from "./limits/limits.ts";

/** One connection that lasts. */
export interface Session {
  readonly visitor: Visitor;
  /** By which door it came. */
  readonly kind: SessionKind;
  /** When it began, in ms since 1970. */
  readonly sinceMs: number;
  /** What it does with which streams; a fresh token has to allow the same. */
  uses: readonly Use[];
  /** Ends it, and tells the client why. */
  end(error: GatewayError): void;
  /** The identity's name that the connection is counted under. */
  readonly countedAs: string;
  /** A fresh token was shown: what was allowed before has to be asked again. */
  onRenewed?: () => void;
}

/** The doors that keep a connection. */
export type SessionKind = (typeof KINDS)[number];

const KINDS = ["push", "pull", "events", "mjpeg", "graphql"] as const;

/** An action on streams, by their keys. */
export interface Use {
  readonly action: Action;
  readonly keys: readonly string[];
}

/** Keeps the sessions of a gateway. */
export interface Sessions {
  open(visitor: Visitor, kind: SessionKind, end: (error: GatewayError) => void): Session;
  /** Whether a session may do something with streams; if so it is noted. @returns what ends that @throws GatewayError FORBIDDEN */
  use(session: Session, action: Action, keys: readonly string[]): () => void;
  /** Shows a fresh token. One that is not good, or allows less than the session does, ends it. */
  renew(session: Session, token: string): Promise<void>;
  /**
   * Looks after somebody who waits for one answer, which is no connection that lasts. Calls back once where they are no
   * longer let in.
   *
   * @returns what takes that back
   */
  whileGood(visitor: Visitor, onEnd: (error: GatewayError) => void): () => void;
  /** The connection is gone. */
  forget(session: Session): void;
  list(): Iterable<Session>;
  /** How many there are of each kind, also of those with none. */
  counts(): ReadonlyMap<SessionKind, number>;
  /** Ends the session with this id. @returns whether there was one */
  end(id: string, error: GatewayError): boolean;
  /** Ends those whose identity no longer holds. */
  review(): void;
  close(): void;
}

/** How often sessions are looked through for tokens that have expired, in ms. */
const REVIEW_EVERY_MS = 1000;

const NO_USES: readonly Use[] = [];
const NOTHING = () => undefined;

/** Somebody who waits for one answer. */
interface Waiter {
  readonly visitor: Visitor;
  readonly onEnd: (error: GatewayError) => void;
}

/** What whoever is no longer let in is told. */
export const noLongerGood = () =>
  new GatewayError("UNAUTHENTICATED", "the token has expired, or its key was revoked");

/** Makes the sessions of a gateway. */
export function createSessions(authenticator: Authenticator, limits: Limits): Sessions {
  const open = new Set<Session>();
  const waiting = new Set<Waiter>();
  const reviewing = authenticator.isOpen ? undefined : setInterval(review, REVIEW_EVERY_MS).unref();

  function review(): void {
    for (const session of open) {
      if (authenticator.isGood(session.visitor.identity)) continue;
      forget(session);
      session.end(noLongerGood());
    }
    for (const waiter of waiting) {
      if (authenticator.isGood(waiter.visitor.identity)) continue;
      waiting.delete(waiter);
      waiter.onEnd(noLongerGood());
    }
  }

  function forget(session: Session): void {
    if (open.delete(session)) limits.removeConnection(session.visitor.address, session.countedAs);
  }

  return {
    open(visitor, kind, end) {
      const { name } = visitor.identity;
      limits.addConnection(visitor.address, name);
      const session: Session = { visitor, kind, sinceMs: Date.now(), uses: NO_USES, countedAs: name, end };
      open.add(session);
      return session;
    },
    use(session, action, keys) {
      authorize(session.visitor.identity, action, keys);
      const use: Use = { action, keys };
      // Not pushed: an array that grows takes room for many more.
      session.uses = [...session.uses, use];
      return () => {
        session.uses = session.uses.filter((one) => one !== use);
      };
    },
    async renew(session, token) {
      if (authenticator.isOpen) return;
      try {
        const identity = await authenticator.identify({ kind: "token", token });
        for (const { action, keys } of session.uses) authorize(identity, action, keys);
        session.visitor.identity = identity;
        session.onRenewed?.();
      } catch (error) {
        session.end(asGatewayError(error));
      }
    },
    whileGood(visitor, onEnd) {
      if (authenticator.isOpen) return NOTHING;
      const waiter: Waiter = { visitor, onEnd };
      waiting.add(waiter);
      return () => waiting.delete(waiter);
    },
    forget,
    list: () => open,
    counts() {
      const counts = new Map<SessionKind, number>(KINDS.map((kind) => [kind, 0]));
      for (const { kind } of open) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return counts;
    },
    end(id, error) {
      for (const session of open) {
        if (session.visitor.id !== id) continue;
        session.end(error);
        return true;
      }
      return false;
    },
    review,
    close: () => clearInterval(reviewing),
  };
}
