/** Requests to routes of the gateway that the client has no method for. */
import { isObject } from "./is-object.ts";
import { pageUrl } from "./urls.ts";

/** Sends a request. @returns the JSON of the response; undefined without a body @throws Error with the gateway's message */
export async function gatewayRequest(path: string, options: RequestInit): Promise<unknown> {
  const response = await fetch(pageUrl(path), options);
  if (response.ok) return response.status === 204 ? undefined : response.json();
  const problem: unknown = await response.json().catch(() => undefined);
  throw new Error(messageOf(problem) ?? `HTTP status ${response.status}`);
}

/** Returns the message of the gateway's error. */
function messageOf(problem: unknown): string | undefined {
  const error = isObject(problem) ? problem.error : undefined;
  if (typeof error === "string") return error;
  return isObject(error) && "message" in error ? String(error.message) : undefined;
}
