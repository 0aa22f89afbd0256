/**
 * Tickets: one-time secrets for clients that can set a URL and no headers (`<img>`, `EventSource`). URLs end up in logs,
 * histories and referrers, so a ticket is short-lived, works once and issues no further tickets. Redis stores
 * its hash, so every gateway on that Redis accepts it.
 */
import { createHash, randomBytes } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import { authorize, type Identity } from "./authorize.ts";
import { formatGrant, parseGrant } from "./grant.ts";
import type { TicketScope } from "./ticket-scope.ts";

/** A store of texts that expire, each read once. */
export interface TicketStore {
  put(name: string, value: string, ttlMs: number): Promise<void>;
  /** Reads and removes the value atomically. */
  take(name: string): Promise<string | undefined>;
}

/** Issues and redeems tickets. */
export interface Tickets {
  /** Validity of a ticket, in ms. */
  readonly ttlMs: number;
  /**
   * Issues a ticket with the permissions of an identity.
   *
   * @param scope narrows it to one route and its streams; absent, it carries all of them
   * @throws GatewayError FORBIDDEN if the identity is itself a ticket, or lacks permission for the scope
   */
  issue(identity: Identity, scope?: TicketScope): Promise<string>;
  /** Returns the ticket's identity. @throws GatewayError UNAUTHENTICATED if the ticket is used, expired or unknown */
  redeem(ticket: string): Promise<Identity>;
}

/** Creates the tickets of a gateway. */
export function createTickets(store: TicketStore, ttlMs: number): Tickets {
  return {
    ttlMs,
    async issue(identity, scope) {
      // Otherwise a ticket leaked through a log could be renewed for the lifetime of its key.
      if (identity.isTicket)
        throw new GatewayError(
          "FORBIDDEN",
          "a ticket is not permitted to issue tickets; send the key or token instead",
        );
      if (scope !== undefined) authorize(identity, scope.action, scope.keys);
      const ticket = randomBytes(24).toString("base64url");
      const value = JSON.stringify({ ...identity, grants: identity.grants.map(formatGrant), scope });
      await store.put(hashOf(ticket), value, ttlMs);
      return ticket;
    },
    async redeem(ticket) {
      const value = await store.take(hashOf(ticket));
      if (value === undefined)
        throw new GatewayError("UNAUTHENTICATED", "the ticket is unknown, expired or already used");
      const kept = JSON.parse(value) as Omit<Identity, "grants"> & { readonly grants: readonly string[] };
      return { ...kept, grants: kept.grants.map(parseGrant), isTicket: true };
    },
  };
}

const hashOf = (ticket: string): string => createHash("sha256").update(ticket).digest("hex");
