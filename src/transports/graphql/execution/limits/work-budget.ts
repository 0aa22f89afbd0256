/**
 * Work budget of one operation. A short document can select millions of fields with aliases on long lists, which would block
 * the event loop. The number of resolved fields is limited, and lists are resolved one after the other, so that other
 * clients are served in between.
 */
import { GatewayError } from "../../../../domain/errors.ts";
import type { Slices, WorkSlices } from "../../../../domain/scheduling/work-slice.ts";

/** Number of fields resolved in one event-loop turn: about 5 ms. */
const FIELDS_PER_TURN = 5_000;

/** Maximum number of fields and JSON values in one event of a subscription, which is resolved in one turn. */
const FIELDS_PER_EVENT = 50_000;

/** Number of payload bytes that take as long to encode as one field takes to resolve. */
const BYTES_PER_FIELD = 128;

/** Limits of the budget. */
export interface WorkLimits {
  readonly graphqlMaxFields: number;
  readonly graphqlMaxPayloadBytes: number;
}

/** Remaining work of one operation. */
export class WorkBudget {
  /** Maximum size of the payload in one field, in bytes. */
  readonly maxPayloadBytes: number;
  readonly #maxFields: number;
  readonly #workSlices: WorkSlices;
  #spent = 0;
  /** Cost of the lists that the current event-loop turn resolves. */
  #sinceTurn = 0;
  #turn: Promise<void> = Promise.resolve();
  #slices: Slices | undefined;
  #inSlices = false;
  #isLarge = false;

  constructor({ graphqlMaxFields, graphqlMaxPayloadBytes }: WorkLimits, workSlices: WorkSlices) {
    this.maxPayloadBytes = graphqlMaxPayloadBytes;
    this.#maxFields = graphqlMaxFields;
    this.#workSlices = workSlices;
  }

  /**
   * Whether the operation was too large to be resolved in one turn. Its lists are then empty, and the operation must be
   * executed again after `beginInSlices`.
   */
  isTooLargeAtOnce(): boolean {
    return this.#isLarge && !this.#inSlices;
  }

  /** Resolves long lists item by item. Supported by graphql-js, but not by compiled documents. */
  beginInSlices(): void {
    this.#inSlices = true;
  }

  /** Resets the budget for the next event of a subscription. */
  renew(): void {
    this.#spent = Math.max(0, this.#maxFields - FIELDS_PER_EVENT);
  }

  /** Number of fields and JSON values counted so far. */
  get spent(): number {
    return this.#spent;
  }

  /** Counts the values of a JSON payload as fields. @throws GatewayError TOO_LARGE */
  spend(fields: number): void {
    this.#spent += fields;
    if (this.#spent > this.#maxFields)
      throw new GatewayError(
        "TOO_LARGE",
        `the operation resolves more than ${this.#maxFields} fields; select fewer streams, entries or fields`,
      );
  }

  /**
   * Passes a list to the executor after previous lists have been resolved.
   *
   * @param fields number of selected fields of one item on all levels
   * @param bytes total size of the payloads in the list
   * @throws GatewayError TOO_LARGE if the operation resolves too many fields
   */
  async list<T>(items: readonly T[], fields: number, bytes = 0): Promise<readonly (T | Promise<T>)[]> {
    this.spend(items.length * fields);
    const cost = items.length * fields + Math.ceil(bytes / BYTES_PER_FIELD);
    await this.#passTurn(Math.min(cost, FIELDS_PER_TURN));
    if (cost <= FIELDS_PER_TURN || items.length < 2) return items;
    this.#isLarge = true;
    return this.#inSlices ? resolvedInSlices(items, this.#workSlices.begin()) : [];
  }

  /** Defers all following lists to the next event-loop turn if the current one has no fields left. */
  #passTurn(cost: number): Promise<void> {
    this.#sinceTurn += cost;
    if (this.#sinceTurn > FIELDS_PER_TURN) {
      this.#sinceTurn = cost;
      this.#slices ??= this.#workSlices.begin();
      const { next } = this.#slices;
      this.#turn = this.#turn.then(next);
    }
    return this.#turn;
  }
}

/** Returns items as promises that resolve one after the other. The executor resolves the fields of each item at once. */
function resolvedInSlices<T>(items: readonly T[], slices: Slices): readonly Promise<T>[] {
  const resolvers: ((item: T) => void)[] = [];
  const promises = items.map(() => new Promise<T>((resolve) => resolvers.push(resolve)));
  const hand = async () => {
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (item !== undefined) resolvers[i]?.(item);
      // Lets the executor resolve the fields of the item first.
      await undefined;
      if (slices.isOver()) await slices.next();
    }
  };
  void hand();
  return promises;
}
