/** The client of a consumer. Its exceptions end the consumer, and do not reach the queue, which serves others. */
import type { GatewayError } from "../../domain/errors.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import { type FaultParts, faultOf } from "../../observe/faults.ts";
import type { Delivered } from "./commands/group-commands.ts";
import type { ConsumerOptions, OnOutcome } from "./consumer-options.ts";

/** Functions of a client. */
type Callbacks = Pick<ConsumerOptions, "canSend" | "onEntries" | "onLost" | "onError">;

/** Calls a client. */
export class ConsumerClient {
  readonly #callbacks: Callbacks;
  readonly #faults: FaultParts;
  readonly #end: () => void;

  /** @param end ends the consumer */
  constructor(callbacks: Callbacks, faults: FaultParts, end: () => void) {
    this.#callbacks = callbacks;
    this.#faults = faults;
    this.#end = end;
  }

  canSend(): boolean {
    try {
      return this.#callbacks.canSend();
    } catch (exception) {
      this.#fail(exception);
      return false;
    }
  }

  deliver(key: string, entries: readonly Delivered[]): void {
    try {
      this.#callbacks.onEntries(key, entries);
    } catch (exception) {
      this.#fail(exception);
    }
  }

  lost(key: string, ids: readonly EntryId[]): void {
    try {
      this.#callbacks.onLost(key, ids);
    } catch (exception) {
      this.#fail(exception);
    }
  }

  /** Returns a function that calls `done`. It is called while the replies to other consumers wait. */
  guard(done: OnOutcome): OnOutcome {
    return (result) => {
      try {
        done(result);
      } catch (exception) {
        this.#fail(exception);
      }
    };
  }

  /** Reports that the consumer cannot continue. */
  fail(error: GatewayError): void {
    try {
      this.#callbacks.onError(error);
    } catch (exception) {
      faultOf(exception, "worker", this.#faults);
      this.#end();
    }
  }

  #fail(exception: unknown): void {
    this.fail(faultOf(exception, "worker", this.#faults));
    this.#end();
  }
}
