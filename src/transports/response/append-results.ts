/** The answer to an append: the list of entry ids, with an error in the place of an entry that was refused. */
import { GatewayError } from "../../domain/errors.ts";
import type { AppendResult } from "../../redis/append/appender.ts";

/** JSON list of entry ids in order, with `{"error": …, "code": …}` in the place of a rejected entry (docs/protocol.md, "WebSocket push"). */
export function appendResultsJson(results: readonly AppendResult[]): string {
  // Ids are digits and a dash: nothing in them needs escaping.
  return `[${results.map((result) => (result instanceof GatewayError ? JSON.stringify(errorBody(result)) : `"${result}"`)).join(",")}]`;
}

/** An error as clients read it in JSON. */
export const errorBody = ({ message, code }: GatewayError): { error: string; code: string } => ({
  error: message,
  code,
});
