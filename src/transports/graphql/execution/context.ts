/** What resolvers work with: the parts of the gateway, and what one operation has found out so far. */
import type { Visitor } from "../../../access/admission.ts";
import { authorize } from "../../../access/identity/authorize.ts";
import type { ClientMemory } from "../../../access/limits/client-memory.ts";
import type { Limits } from "../../../access/limits/limits.ts";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Session, Sessions } from "../../../access/sessions.ts";
import { GatewayError } from "../../../domain/errors.ts";
import type { Logger } from "../../../domain/logger.ts";
import type { Subscribe } from "../../../live/subscription.ts";
import type { Counters } from "../../../observe/counters.ts";
import type { StreamClasses } from "../../../observe/stream-classes.ts";
import type { Retention } from "../../../redis/append/retention.ts";
import type { Log } from "../../../redis/read/stream-reader.ts";
import type { MetaWatch } from "../../../redis/registry/metadata-watch.ts";
import type { Registry } from "../../../redis/registry/registry.ts";
import type { RequestLimits } from "../../request/streams.ts";
import type { Closing } from "../../response/closing.ts";
import type { Refusals } from "../../response/error-log.ts";
import { createLookups, type Lookups } from "./key-list-cache.ts";
import { createPayloadBudget, type PayloadBudget } from "./payload-budget.ts";
import { createWorkBudget, type WorkBudget } from "./work-budget.ts";

/** What GraphQL is served with. */
export interface GraphqlParts {
  readonly registry: Registry;
  readonly log: Log;
  readonly subscribe: Subscribe;
  readonly metaWatch: MetaWatch;
  readonly retention: Retention;
  readonly limits: RequestLimits &
    GraphqlLimits & { readonly sendHighWaterBytes: number; readonly heartbeatMs: number };
  /** `ENABLE_FLUSH`. */
  readonly enableFlush: boolean;
  readonly version: string;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  readonly logger: Logger;
  readonly closing: Closing;
  readonly sessions: Sessions;
  readonly limiting: Limits;
  readonly memory: ClientMemory;
  readonly refusals: Refusals;
  readonly pathPrefix: string;
}

/** What one operation may ask for. */
export interface GraphqlLimits {
  /** Most payload of one operation, in bytes, about. */
  readonly maxAnswerBytes: number;
  /** Largest request, in bytes. */
  readonly graphqlMaxBytes: number;
  readonly graphqlMaxTokens: number;
  readonly graphqlMaxDepth: number;
  readonly graphqlMaxAliases: number;
  /** Most fields that one operation resolves. */
  readonly graphqlMaxFields: number;
  /** Largest payload in one field, in bytes. */
  readonly graphqlMaxPayloadBytes: number;
  /** Operations under way on one socket. */
  readonly graphqlMaxOperations: number;
}

/** What every resolver is handed. */
export interface OperationContext extends GraphqlParts {
  /** Who asks. Every resolver that shows or changes something asks what they may. */
  readonly visitor: Visitor;
  readonly lookups: Lookups;
  readonly payloads: PayloadBudget;
  /** Memory of the operation, released when its last result has been handed over. */
  readonly lease: MemoryLease;
  readonly work: WorkBudget;
  /** Begins anew for the same request, with everything still to be spent. */
  again(): OperationContext;
  /**
   * Notes streams that the operation follows for as long as it goes on: a fresh token has to allow them too.
   *
   * @returns what ends that
   * @throws GatewayError FORBIDDEN
   */
  follows(keys: readonly string[]): () => void;
  /**
   * Takes entries from what the operation may read in all, so that many small questions are no way around the bound of
   * a large one.
   *
   * @throws GatewayError TOO_LARGE
   */
  spendEntries(count: number): void;
}

/** Makes the context of one operation. @param session the connection that it belongs to, where it is one that lasts */
export function createOperationContext(
  parts: GraphqlParts,
  visitor: Visitor,
  session: Session | undefined,
  lease = parts.memory.answer("graphql", visitor),
): OperationContext {
  const { maxBatchEntries, maxAnswerBytes } = parts.limits;
  let spent = 0;
  return {
    ...parts,
    visitor,
    lookups: createLookups(parts.registry, visitor.identity),
    payloads: createPayloadBudget(maxAnswerBytes, lease),
    lease,
    work: createWorkBudget(parts.limits),
    again: () => createOperationContext(parts, visitor, session, lease),
    follows(keys) {
      if (session !== undefined) return parts.sessions.use(session, "read", keys);
      authorize(visitor.identity, "read", keys);
      return () => undefined;
    },
    spendEntries(count) {
      spent += count;
      if (spent > maxBatchEntries)
        throw new GatewayError(
          "TOO_LARGE",
          `the operation asks for more than ${maxBatchEntries} entries; ask for fewer with first`,
        );
    },
  };
}
