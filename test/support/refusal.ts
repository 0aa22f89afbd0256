/** What a client is told of an action that is refused. */
import { GatewayError } from "../../src/domain/errors.ts";

/** The code and sentence of the refusal. @throws Error where the action is taken, or fails with another error */
export function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof GatewayError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("it was not refused");
}
