/** Operations of GraphQL WebSockets, run by `graphql-ws`, and the memory that they hold. */
import { makeServer, type Server, type WebSocket } from "graphql-ws";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Session } from "../../../access/sessions.ts";
import type { Pausable } from "../../websocket-protocol/pause-reasons.ts";
import { graphqlError } from "../execution/errors.ts";
import { type Executor, formatted } from "../execution/executor.ts";
import { encodeLargeResult, isLargeResult } from "../execution/result-text.ts";
import { LargeResults } from "./large-results.ts";

/** Operations of all GraphQL WebSockets. */
export interface SocketOperations {
  /**
   * Starts a connection.
   *
   * @param reading paused while more operations are under way than a connection may have. An operation that the client has
   * completed is under way until its resolvers have ended: they may wait for Redis or for memory
   * @returns a function to call when it has closed
   */
  opened(socket: WebSocket, session: Session, reading: Pausable): ReturnType<Server<Session>["opened"]>;
  /** Returns the parts of a message with a large result; undefined for other messages. */
  readonly partsOf: LargeResults["partsOf"];
  /** Releases the memory of all operations of a connection. */
  release(session: Session): void;
}

/** Creates the operations. */
export function createSocketOperations({ prepare, formatError, run, parts }: Executor): SocketOperations {
  const { config } = parts;
  /** Memory of running operations by socket and request. Operation ids are not unique: clients may reuse one too early. */
  const underWay = new WeakMap<Session, Map<object, MemoryLease>>();

  /** Results of running subscriptions by socket and request: `graphql-ws` forgets those whose id was reused. */
  const following = new WeakMap<Session, Map<object, AsyncGenerator>>();

  const readings = new WeakMap<Session, Pausable>();

  function beginOperation(session: Session, payload: object, lease: MemoryLease): void {
    const leases = underWay.get(session) ?? new Map<object, MemoryLease>();
    underWay.set(session, leases.set(payload, lease));
    if (leases.size > config.graphqlMaxOperations) readings.get(session)?.pause();
  }

  function endOperation(session: Session, payload: object): void {
    const leases = underWay.get(session);
    leases?.get(payload)?.release();
    leases?.delete(payload);
    following.get(session)?.delete(payload);
    if (leases !== undefined && leases.size <= config.graphqlMaxOperations) readings.get(session)?.resume();
  }

  const largeResults = new LargeResults();
  const server = makeServer<undefined, Session>({
    execute: run,
    onSubscribe({ subscriptions, extra }, _id, payload) {
      // `subscriptions` already includes the new one.
      if (Object.keys(subscriptions).length > config.graphqlMaxOperations)
        return [
          graphqlError(
            "GRAPHQL_LIMIT_EXCEEDED",
            `a connection must have at most ${config.graphqlMaxOperations} running operations`,
          ),
        ];
      const prepared = prepare(payload, extra.visitor, extra);
      if ("errors" in prepared) return prepared.errors;
      beginOperation(extra, payload, prepared.lease);
      return prepared.args;
    },
    onOperation({ extra }, _id, payload, _args, result) {
      if (!isGenerator(result)) return;
      const results = following.get(extra) ?? new Map<object, AsyncGenerator>();
      following.set(extra, results.set(payload, result));
    },
    onComplete: ({ extra }, _id, payload) => endOperation(extra, payload),
    async onNext({ extra }, _id, _payload, _args, result) {
      const all = formatted(result, formatError, extra.visitor);
      return isLargeResult(all)
        ? largeResults.hold(await encodeLargeResult(all, parts.access.turns.slices))
        : all;
    },
    onError({ extra }, _id, payload, errors) {
      endOperation(extra, payload);
      return errors.map((error) => formatError(error, extra.visitor).toJSON());
    },
  });

  return {
    opened(socket, session, reading) {
      readings.set(session, reading);
      return server.opened(socket, session);
    },
    partsOf: (message) => largeResults.partsOf(message),
    release(session) {
      for (const lease of underWay.get(session)?.values() ?? []) lease.release();
      for (const results of following.get(session)?.values() ?? []) void results.return(undefined);
    },
  };
}

const isGenerator = (result: unknown): result is AsyncGenerator =>
  typeof result === "object" && result !== null && Symbol.asyncIterator in result && "return" in result;
