/** Calls to the worker that does something for all of them, and their results. */
import { asGatewayError, type ErrorCode, GatewayError } from "../../domain/errors.ts";
import type { RequestPeers } from "../../domain/peers.ts";

/** Result of a call, or its error. */
export type Outcome = { readonly value: unknown } | { readonly code: ErrorCode; readonly message: string };

/** Performs a call of another worker. */
export async function outcomeOf(perform: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await perform() };
  } catch (error) {
    const { code, message } = asGatewayError(error);
    return { code, message };
  }
}

/**
 * Calls the worker that handles a kind of call.
 *
 * @param unavailable returns the error if it does not respond
 * @throws GatewayError of the call
 */
export async function callPeer<T>(
  request: RequestPeers,
  kind: string,
  call: unknown,
  unavailable: () => GatewayError,
): Promise<T> {
  const [outcome] = await request<Outcome>(kind, call);
  if (outcome === undefined) throw unavailable();
  if ("code" in outcome) throw new GatewayError(outcome.code, outcome.message);
  return outcome.value as T;
}
