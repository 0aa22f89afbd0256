/**
 * The work of one operation. A short document can select millions of fields, by aliases over long lists, and resolving them
 * holds the event loop. So an operation may resolve so many fields and no more, and lists are resolved one after the
 * other, with other clients' work between them.
 */
import { GatewayError } from "../../../domain/errors.ts";
import { createWorkSlices } from "../../../domain/work-slice.ts";

/** Fields resolved in one turn of the event loop: about 5 ms. */
const FIELDS_PER_TURN = 5_000;

/** Fields, JSON values included, of one result of a subscription, which is resolved at once. */
const FIELDS_PER_EVENT = 50_000;

/** Bytes of payload whose encoding takes as long as resolving a field. */
const BYTES_PER_FIELD = 128;

/** Settings of the budget. */
export interface WorkLimits {
  readonly graphqlMaxFields: number;
  readonly graphqlMaxPayloadBytes: number;
}

/** Work left to one operation. */
export interface WorkBudget {
  /**
   * Whether the operation turned out to be too large to be resolved at once. Its lists then came out empty, and it has to be
   * executed again in slices.
   */
  isTooLargeAtOnce(): boolean;
  /** Long lists are resolved item by item, which only graphql-js can do. */
  beginInSlices(): void;
  /** Whether a list was resolved item by item. */
  isLarge(): boolean;
  /**
   * Hands a list to the executor when it is its turn.
   *
   * @param fields selected fields of one item, all levels counted
   * @param bytes payload of the whole list
   * @throws GatewayError TOO_LARGE if the operation resolves too many fields
   */
  list<T>(items: readonly T[], fields: number, bytes?: number): Promise<readonly (T | Promise<T>)[]>;
  /** Begins anew for the next result of a subscription. */
  renew(): void;
  /** Largest payload in one field, in bytes. */
  readonly mostPayloadBytes: number;
  /** Counts the values of a JSON payload as fields. @throws GatewayError TOO_LARGE */
  spend(fields: number): void;
}

/** Creates the budget of one operation. */
export function createWorkBudget({
  graphqlMaxFields: mostFields,
  graphqlMaxPayloadBytes,
}: WorkLimits): WorkBudget {
  let spent = 0;
  let sinceTurn = 0;
  let turn: Promise<void> = Promise.resolve();
  let inSlices = false;
  let isLarge = false;

  function spend(fields: number): void {
    spent += fields;
    if (spent > mostFields)
      throw new GatewayError(
        "TOO_LARGE",
        `the operation resolves more than ${mostFields} fields; select fewer streams, entries or fields`,
      );
  }

  /** Every list after this one waits for the event loop to come round once more. */
  function passTurn(cost: number): Promise<void> {
    sinceTurn += cost;
    if (sinceTurn > FIELDS_PER_TURN) {
      sinceTurn = cost;
      turn = turn.then(() => new Promise<void>((resolve) => setImmediate(resolve)));
    }
    return turn;
  }

  return {
    isTooLargeAtOnce: () => isLarge && !inSlices,
    isLarge: () => isLarge,
    beginInSlices() {
      inSlices = true;
    },
    renew() {
      spent = Math.max(0, mostFields - FIELDS_PER_EVENT);
    },
    mostPayloadBytes: graphqlMaxPayloadBytes,
    spend,
    async list(items, fields, bytes = 0) {
      spend(items.length * fields);
      const cost = items.length * fields + Math.ceil(bytes / BYTES_PER_FIELD);
      await passTurn(Math.min(cost, FIELDS_PER_TURN));
      if (cost <= FIELDS_PER_TURN || items.length < 2) return items;
      isLarge = true;
      return inSlices ? resolvedInSlices(items) : [];
    },
  };
}

/** Items as promises that resolve one after the other. The executor resolves the fields of an item as soon as it has it. */
function resolvedInSlices<T>(items: readonly T[]): readonly Promise<T>[] {
  const resolvers: ((item: T) => void)[] = [];
  const promises = items.map(() => new Promise<T>((resolve) => resolvers.push(resolve)));
  const hand = async () => {
    const slices = createWorkSlices();
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (item !== undefined) resolvers[i]?.(item);
      // After the executor, which was queued first.
      await undefined;
      if (slices.isOver()) await slices.next();
    }
  };
  void hand();
  return promises;
}
