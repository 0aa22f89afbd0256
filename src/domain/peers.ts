/** Requests to the peers of a process: the other workers of the same gateway. */

/**
 * Sends a request to all peers. Arguments and results must survive JSON.
 *
 * @param what name of the request, which a peer looks up in its `PeerHandlers`
 * @returns the results of the peers that answered
 */
export type RequestPeers = <T>(what: string, argument?: unknown) => Promise<readonly T[]>;

/** Handlers of the requests of peers, by name. */
export type PeerHandlers = Readonly<Record<string, (argument: never) => unknown>>;
