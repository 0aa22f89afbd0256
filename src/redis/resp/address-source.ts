/** Where a Redis is that may be another server next time: asked before each attempt to connect. */
import { describeAddress, type RedisAddress } from "../redis-url.ts";

/** Told once where to connect to now, or why that is not known. */
export type Found = (error: Error | undefined, address?: RedisAddress) => void;

/** Leads to a Redis by asking others for it. What it leads to has to call itself a master. */
export interface RedisSource {
  /** For people: without users and passwords. */
  readonly description: string;
  /** Asks. `found` is called exactly once, never within the call. */
  resolve(found: Found): void;
  /** Tells whenever the Redis is known to be at an address, until what it returns is called. */
  watch(isAt: (address: RedisAddress) => void): () => void;
}

/** A server that stays where it is, or what leads to the one of the moment. */
export type RedisPlace = RedisAddress | RedisSource;

/** Whether a place has to be asked for. */
export const isSource = (place: RedisPlace): place is RedisSource => "resolve" in place;

/** The place for people: without users and passwords. */
export const describePlace = (place: RedisPlace): string =>
  isSource(place) ? place.description : describeAddress(place);
