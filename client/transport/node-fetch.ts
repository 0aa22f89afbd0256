/** HTTP requests with further certificate authorities. Node's `fetch` reads those only from the environment of its process. */
import { request } from "node:https";
import { platformFetch } from "./platform-fetch.ts";
import type { Fetch, FetchRequest } from "./transport.ts";

/** Statuses whose response has no body (Fetch standard, "null body status"). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Creates a `fetch` that trusts these authorities, in PEM. Requests over plain HTTP need none. */
export const fetchWithAuthorities =
  (ca: readonly string[]): Fetch =>
  (url, options) =>
    url.startsWith("https:") ? fetchSecurely(ca, url, options) : platformFetch(url, options);

function fetchSecurely(
  ca: readonly string[],
  url: string,
  { method, headers, body, signal }: FetchRequest,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal, ca: [...ca] }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 500, headersDistinct } = response;
        const received = new Headers();
        for (const [name, values = []] of Object.entries(headersDistinct))
          for (const value of values) received.append(name, value);
        resolve(
          new Response(NO_BODY.has(status) ? null : Buffer.concat(parts), { status, headers: received }),
        );
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
