/** Requests to routes of the gateway that the client has no method for. */
import { readErrorBody } from "../../client/errors.ts";
import { pageUrl } from "./urls.ts";

/** Sends a request. @returns the JSON of the response; undefined without a body @throws Error with the gateway's message */
export async function gatewayRequest(path: string, options: RequestInit): Promise<unknown> {
  const response = await fetch(pageUrl(path), options);
  if (response.ok) return response.status === 204 ? undefined : response.json();
  const { message } = readErrorBody(await response.json().catch(() => undefined));
  throw new Error(message || `HTTP status ${response.status}`);
}
