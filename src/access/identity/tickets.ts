/**
 * Tickets: one-time secrets for clients that can set an address and no headers (`<img>`, `EventSource`). Addresses end up in
 * logs, histories and referrers, so a ticket is short-lived, works once and makes no further tickets. Redis stores its
 * hash, so every gateway on that Redis accepts it.
 */
import { createHash, randomBytes } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import { authorize, type Identity } from "./authorize.ts";
import { formatGrant, parseGrant } from "./grant.ts";
import type { TicketScope } from "./ticket-scope.ts";

/** A store of texts that expire, each read once. */
export interface TicketStore {
  put(name: string, value: string, ttlMs: number): Promise<void>;
  /** Reads and removes in one step. */
  take(name: string): Promise<string | undefined>;
}

/** Issues and redeems tickets. */
export interface Tickets {
  /** How long a ticket is valid, in ms. */
  readonly ttlMs: number;
  /**
   * Makes a ticket with the permissions of an identity.
   *
   * @param scope narrows it to one route and its streams; absent, it carries all of them
   * @throws GatewayError FORBIDDEN where the identity is a ticket itself, or may not do what the scope names
   */
  issue(identity: Identity, scope?: TicketScope): Promise<string>;
  /** Returns the ticket's identity. @throws GatewayError UNAUTHENTICATED where it is used, expired or unknown */
  redeem(ticket: string): Promise<Identity>;
}

/** Makes the tickets of a gateway. */
export function createTickets(store: TicketStore, ttlMs: number): Tickets {
  return {
    ttlMs,
    async issue(identity, scope) {
      // Otherwise whoever finds one in a log could renew it for as long as its key lasts.
      if (identity.isTicket)
        throw new GatewayError(
          "FORBIDDEN",
          "a ticket is not permitted to make tickets: show the key or token",
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
        throw new GatewayError("UNAUTHENTICATED", "the ticket was used, has expired, or is unknown");
      const kept = JSON.parse(value) as Omit<Identity, "grants"> & { readonly grants: readonly string[] };
      return { ...kept, grants: kept.grants.map(parseGrant), isTicket: true };
    },
  };
}

const hashOf = (ticket: string): string => createHash("sha256").update(ticket).digest("hex");
