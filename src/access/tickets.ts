/**
 * Tickets: for what takes an address and no headers (`<img>`, `EventSource`), a secret that holds for a moment and once,
 * so that it may stand where addresses are kept: in logs, histories and referrers. They are kept in Redis, by hash, so
 * that a ticket of one gateway opens another one's door.
 */
import { createHash, randomBytes } from "node:crypto";
import { GatewayError } from "../domain/errors.ts";
import type { Identity } from "./authorize.ts";
import { formatGrant, parseGrant } from "./grant.ts";

/** A store of texts that are forgotten after a time, and taken out by whoever asks first. */
export interface TicketStore {
  put(name: string, value: string, ttlMs: number): Promise<void>;
  /** Reads and removes in one step. */
  take(name: string): Promise<string | undefined>;
}

/** Gives tickets out and takes them back. */
export interface Tickets {
  /** How long a ticket holds, in ms. */
  readonly ttlMs: number;
  issue(identity: Identity): Promise<string>;
  /** Whose ticket it is. @throws GatewayError UNAUTHENTICATED where it was used, is too old or never was */
  redeem(ticket: string): Promise<Identity>;
}

/** Makes the tickets of a gateway. */
export function createTickets(store: TicketStore, ttlMs: number): Tickets {
  return {
    ttlMs,
    async issue(identity) {
      const ticket = randomBytes(24).toString("base64url");
      const value = JSON.stringify({ ...identity, grants: identity.grants.map(formatGrant) });
      await store.put(hashOf(ticket), value, ttlMs);
      return ticket;
    },
    async redeem(ticket) {
      const value = await store.take(hashOf(ticket));
      if (value === undefined)
        throw new GatewayError("UNAUTHENTICATED", "the ticket was used, is too old, or never was");
      const kept = JSON.parse(value) as Omit<Identity, "grants"> & { readonly grants: readonly string[] };
      return { ...kept, grants: kept.grants.map(parseGrant) };
    },
  };
}

const hashOf = (ticket: string): string => createHash("sha256").update(ticket).digest("hex");
