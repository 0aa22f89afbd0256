/** The platform's `fetch` as transports offer it. */
import type { Fetch } from "./transport.ts";

/** Sends a request. A request without a body must not have the member `body`, so it is left out. */
export const platformFetch: Fetch = (url, { body, ...rest }) =>
  fetch(url, { ...rest, ...(body !== undefined && { body }) });
