/**
 * Appends of one viewer, in the order of its messages. Large ones use a connection of their own: they wait until those before
 * them are stored, and those after them wait for them.
 */
import { asGatewayError } from "../../domain/errors.ts";
import type { NewEntry } from "../../domain/streams/entry.ts";
import type { Append, AppendDone } from "../../redis/append/appender.ts";
import { isLargeAppend, type LargeAppends } from "../../redis/append/large-appends.ts";

/** Ways to store entries. */
export interface OrderedAppendsParts {
  readonly append: Append;
  readonly largeAppends: Pick<LargeAppends, "store">;
  /** The viewer, which takes turns with others to store large entries. */
  readonly client: string;
}

/** An entry that is not sent yet. */
interface Waiting {
  readonly entries: readonly [NewEntry];
  readonly done: AppendDone;
}

/** Stores entries in order. */
export class OrderedAppends {
  readonly #parts: OrderedAppendsParts;
  readonly #waiting: Waiting[] = [];
  /** Number of entries that were sent to Redis and not acknowledged. */
  #sent = 0;
  #isStoringLarge = false;

  constructor(parts: OrderedAppendsParts) {
    this.#parts = parts;
  }

  /** Stores an entry. */
  add(entry: NewEntry, done: AppendDone): void {
    this.#waiting.push({ entries: [entry], done });
    this.#run();
  }

  #run(): void {
    for (let [next] = this.#waiting; next !== undefined && !this.#isStoringLarge; [next] = this.#waiting) {
      const isLarge = isLargeAppend(next.entries);
      if (isLarge && this.#sent > 0) return;
      this.#waiting.shift();
      if (isLarge) this.#storeLarge(next);
      else this.#store(next);
    }
  }

  #store({ entries, done }: Waiting): void {
    this.#sent++;
    this.#parts.append(entries, (results, isKept) => {
      this.#sent--;
      try {
        done(results, isKept);
      } finally {
        this.#run();
      }
    });
  }

  #storeLarge({ entries, done }: Waiting): void {
    const { largeAppends, client } = this.#parts;
    this.#isStoringLarge = true;
    largeAppends
      .store(client, entries)
      .catch((error) => [asGatewayError(error)])
      .then((results) => {
        this.#isStoringLarge = false;
        done(results, false);
        this.#run();
      });
  }
}
