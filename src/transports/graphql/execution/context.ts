/** Context of resolvers: parts of the gateway, and the caches and budgets of one operation. */
import type { Visitor } from "../../../access/admission.ts";
import { authorize } from "../../../access/identity/authorize.ts";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Session } from "../../../access/sessions.ts";
import { GatewayError } from "../../../domain/errors.ts";
import type { TransportConfig, TransportParts } from "../../parts.ts";
import type { ParsedMetas } from "../schema/parsed-meta.ts";
import { createLookups, type Lookups } from "./key-list-cache.ts";
import { createPayloadBudget, type PayloadBudget } from "./limits/payload-budget.ts";
import { WorkBudget } from "./limits/work-budget.ts";

/** Settings of the GraphQL transport. */
export interface GraphqlConfig extends TransportConfig, GraphqlLimits {
  readonly enableFlush: boolean;
}

/** Parts of the gateway that GraphQL uses. */
export interface GraphqlParts extends TransportParts {
  readonly config: GraphqlConfig;
}

/** Parts that all operations share. */
export interface OperationParts extends GraphqlParts {
  readonly parsedMetas: ParsedMetas;
}

/** Limits of one operation. */
export interface GraphqlLimits {
  /** Approximate maximum of payloads in one read of entries, in bytes. */
  readonly maxAnswerBytes: number;
  /** Approximate maximum of payloads in one operation, in bytes. */
  readonly graphqlMaxAnswerBytes: number;
  /** Maximum size of a request, in bytes. */
  readonly graphqlMaxBytes: number;
  readonly graphqlMaxTokens: number;
  readonly graphqlMaxDepth: number;
  readonly graphqlMaxAliases: number;
  /** Maximum number of fields that one operation resolves. */
  readonly graphqlMaxFields: number;
  /** Maximum size of the payload in one field, in bytes. */
  readonly graphqlMaxPayloadBytes: number;
  /** Maximum number of running operations on one connection. */
  readonly graphqlMaxOperations: number;
}

/** Context passed to every resolver. */
export interface OperationContext extends OperationParts {
  /** Client that sent the operation. Every resolver that reads or changes data checks its permissions. */
  readonly visitor: Visitor;
  /** Its connection, if that is a WebSocket or an event stream. */
  readonly session: Session | undefined;
  readonly lookups: Lookups;
  readonly payloads: PayloadBudget;
  /** Memory of the operation, released after its last result has been sent. */
  readonly lease: MemoryLease;
  readonly work: WorkBudget;
  /** Returns a fresh context for executing the same request again, with full budgets. */
  again(): OperationContext;
  /**
   * Registers streams that the operation follows. A fresh token of the connection must permit reading them, too.
   *
   * @returns a function that unregisters them
   * @throws GatewayError FORBIDDEN
   */
  follows(keys: readonly string[]): () => void;
  /**
   * Counts entries towards the maximum of the operation, so that many small pages cannot bypass the limit of a large
   * one.
   *
   * @throws GatewayError TOO_LARGE
   */
  spendEntries(count: number): void;
}

/** Creates the context of one operation. @param session its connection, if that is a WebSocket or an event stream */
export function createOperationContext(
  parts: OperationParts,
  visitor: Visitor,
  session: Session | undefined,
  lease = parts.access.memory.answer("graphql", visitor),
): OperationContext {
  const { maxBatchEntries, maxAnswerBytes, graphqlMaxAnswerBytes } = parts.config;
  let spent = 0;
  return {
    ...parts,
    visitor,
    session,
    lookups: createLookups(parts.streams.registry, visitor.identity, parts.access.turns.slices),
    payloads: createPayloadBudget({ maxBytes: graphqlMaxAnswerBytes, readBytes: maxAnswerBytes, lease }),
    lease,
    work: new WorkBudget(parts.config, parts.access.turns.slices),
    again: () => createOperationContext(parts, visitor, session, lease),
    follows(keys) {
      if (session !== undefined) return parts.access.sessions.use(session, "read", keys);
      authorize(visitor.identity, "read", keys);
      return () => undefined;
    },
    spendEntries(count) {
      spent += count;
      if (spent > maxBatchEntries)
        throw new GatewayError(
          "TOO_LARGE",
          `the operation requests more than ${maxBatchEntries} entries; lower the argument first`,
        );
    },
  };
}
