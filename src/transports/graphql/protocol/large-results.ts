/**
 * Large results on a GraphQL WebSocket. `graphql-ws` serializes each message at once, and has no way to send a result that
 * is serialized already. So it receives a placeholder, which is replaced by the result when the message is sent.
 */
import { randomBytes } from "node:crypto";
import type { FormattedExecutionResult } from "graphql";
import type { Pieces } from "../../../wire/pieces.ts";

/** Start of a placeholder. It is random, so that clients cannot send strings that look like one. */
const MARK = `${randomBytes(12).toString("hex")}:`;
const PLACEHOLDER = new RegExp(`"(${MARK}\\d+)"`);

/** Results that wait to be sent. */
export class LargeResults {
  readonly #waiting = new Map<string, Pieces>();
  #count = 0;

  /** Keeps the JSON of a result. @returns a placeholder for it in the next message */
  hold(json: Pieces): FormattedExecutionResult & { toJSON(): string } {
    const name = `${MARK}${this.#count++}`;
    this.#waiting.set(name, json);
    return { data: null, toJSON: () => name };
  }

  /** Returns the parts of a message with the result of its placeholder; undefined if it has none. */
  partsOf(message: string): Pieces | undefined {
    if (this.#waiting.size === 0) return undefined;
    const found = PLACEHOLDER.exec(message);
    const json = this.#waiting.get(found?.[1] ?? "");
    if (found?.[1] === undefined || json === undefined) return undefined;
    this.#waiting.delete(found[1]);
    const end = found.index + found[0].length;
    return [Buffer.from(message.slice(0, found.index)), ...json, Buffer.from(message.slice(end))];
  }
}
