/** Helper for errors that the gateway sends to clients. */
import { GatewayError } from "../../src/domain/errors.ts";

/** Returns the code and message of the error. @throws Error if the action succeeds or fails with another error */
export function rejectionOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof GatewayError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("the action was not rejected");
}
