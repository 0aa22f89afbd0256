/** Address source of a connection: looks up the current address of a Redis that may move to another server. */
import { describeAddress, type RedisAddress } from "./redis-url.ts";

/** Receives the current address, or the reason why it is unknown. */
export type OnResolved = (error: Error | undefined, address?: RedisAddress) => void;

/** Looks up the address of a Redis at other servers, such as sentinels. The server found must report the role `master`. */
export interface AddressSource {
  /** Description for logs, without credentials. */
  readonly description: string;
  /** Looks up the address. Calls `onResolved` exactly once, asynchronously. */
  resolve(onResolved: OnResolved): void;
  /** Calls `onAddress` whenever an address becomes known. @returns a function that unsubscribes */
  watch(onAddress: (address: RedisAddress) => void): () => void;
}

/** Fixed address of a server, or a source that looks up the current one. */
export type RedisEndpoint = RedisAddress | AddressSource;

/** Whether the address of an endpoint has to be looked up. */
export const isAddressSource = (endpoint: RedisEndpoint): endpoint is AddressSource => "resolve" in endpoint;

/** Describes an endpoint for logs, without credentials. */
export const describeEndpoint = (endpoint: RedisEndpoint): string =>
  isAddressSource(endpoint) ? endpoint.description : describeAddress(endpoint);
