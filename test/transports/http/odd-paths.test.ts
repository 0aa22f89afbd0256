/** Paths sent by scanners: every route rejects them with a 4xx and triggers no alert. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRaw, rawExchange, request } from "../../support/clients/http.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";

const { gateway } = await openOwnGateway({ REDIS_WAIT_MS: "2000" });

/** Sends a path byte for byte, without the normalization of HTTP libraries. */
async function statusOf(path: string, method = "GET"): Promise<{ status: number; body: string }> {
  const port = Number(new URL(gateway.http).port);
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
  const { status, body } = parseRaw(await rawExchange(port, head));
  return { status, body };
}

/** Adds `block=0` to a path, so that a `GET` of a stream without entries does not wait. */
const withoutWaiting = (path: string) =>
  path.replace(/[?#]|$/, (found) => (found === "?" ? "?block=0&" : `?block=0${found}`));

/** Returns the number of errors that trigger the alert for internal failures. */
async function failures(): Promise<number> {
  const { text } = await request(`${gateway.http}/metrics`);
  return [...text.matchAll(/^redis_streamer_rejections_total\{code="(?:INTERNAL|REDIS_REFUSED)"\} (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0);
}

const LONG = "a".repeat(5000);

test.each(
  [
    "/console/..",
    "/console/../",
    "/console/..%2f..%2fpackage.json",
    "/console/%2e%2e",
    "/console/%2e%2e/%2e%2e/etc/passwd",
    "/console/%00",
    "/console/a%00b",
    "/console//",
    "/console//etc/passwd",
    `/console/${LONG}`,
    "/console/%",
    "/console/.",
    "/console/..\\..\\x",
    "/docs/static/..",
    "/docs/static/%2e%2e",
    "/docs/static/%00",
    `/docs/static/${LONG}`,
  ].map((path) => [path.slice(0, 60), path] as const),
)("%s is not found, in JSON", async (_, path) => {
  const before = await failures();
  const { status, body } = await statusOf(path);
  expect([400, 404]).toContain(status);
  expect(JSON.parse(body)).toMatchObject({ code: status === 404 ? "NOT_FOUND" : expect.any(String) });
  expect(await failures()).toBe(before);
});

test("no path of any route causes a 5xx", async () => {
  const roots = [
    "/",
    "/console/",
    "/docs/",
    "/docs/static/",
    "/docs/static/index.html",
    "/data/",
    "/data/s/",
    "/data/s/entries/",
    "/data/s/pull/",
    "/admin/connections/",
    "/graphql/",
    "/login/",
    "/login?next=",
    "/tickets/",
    "/metrics/",
    "/openapi.json/",
  ];
  const piece = fc.oneof(
    fc.constantFrom(
      "..",
      ".",
      "/",
      "//",
      "%2e%2e",
      "%2f",
      "%5c",
      "\\",
      "%00",
      "%0a",
      "%0d",
      "%09",
      "%",
      "%zz",
    ),
    fc.constantFrom(
      "%ff%fe",
      "%c0%ae",
      "%ed%a0%80",
      "?",
      "&",
      "=",
      "#",
      ";",
      ":",
      "*",
      "+",
      "~",
      "a",
      "index.html",
    ),
    fc.constantFrom("a".repeat(300), "%2e".repeat(200), "é".normalize("NFD"), "__proto__", "constructor"),
  );
  const path = fc.tuple(fc.constantFrom(...roots), fc.array(piece, { maxLength: 6 })).map(
    ([root, pieces]) =>
      root +
      Buffer.from(pieces.join(""))
        .toString("latin1")
        .replace(/[^\x21-\xff]/g, ""),
  );
  await fc.assert(
    fc.asyncProperty(
      path,
      fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"),
      async (one, method) => {
        const { status } = await statusOf(one.startsWith("/data/") ? withoutWaiting(one) : one, method);
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status).toBeLessThan(500);
      },
    ),
    { numRuns: 400, endOnFailure: true },
  );
  expect(await failures()).toBe(0);
});
