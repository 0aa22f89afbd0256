/** Response to an append: the list of entry ids, with an error instead of the id of each rejected entry. */
import { GatewayError } from "../../../domain/errors.ts";
import type { AppendResult } from "../../../redis/append/appender.ts";

/** Returns the JSON list of entry ids in order, with `{"error": …, "code": …}` instead of the id of a rejected entry (docs/protocol.md, "WebSocket push"). */
export function appendResultsJson(results: readonly AppendResult[]): string {
  // Entry ids contain only digits and a dash, so they need no escaping.
  return `[${results.map((result) => (result instanceof GatewayError ? JSON.stringify(errorBody(result)) : `"${result}"`)).join(",")}]`;
}

/** Returns the JSON body of an error. */
export const errorBody = ({ message, code }: GatewayError): { error: string; code: string } => ({
  error: message,
  code,
});
