import { describe, expect, test } from "vitest";
import { type BrowserGuardOptions, createBrowserGuard, isLoopback } from "../../src/access/browser-guard.ts";
import { rejectionOf } from "../support/rejection.ts";

const guard = (options: Partial<BrowserGuardOptions> = {}) =>
  createBrowserGuard({ allowedOrigins: [], allowedHosts: [], listenHost: "127.0.0.1", ...options });

const LOCAL = guard();
const NETWORK = guard({ listenHost: "0.0.0.0" });
const HOST = "localhost:8000";

describe("isLoopback", () => {
  test.each(["localhost", "LocalHost", "app.localhost", "127.0.0.1", "127.255.0.3", "::1", "[::1]"])(
    "returns true: %s",
    (name) => {
      expect(isLoopback(name)).toBe(true);
    },
  );

  test.each([
    "",
    "0.0.0.0",
    "::",
    "example.com",
    "localhost.example.com",
    "my-localhost",
    "127.0.0.1.example.com",
    "1127.0.0.1",
    "127.0.0",
    "10.0.0.1",
    "[::2]",
    "localhost\nexample.com",
  ])("returns false: %j", (name) => {
    expect(isLoopback(name)).toBe(false);
  });
});

describe("browser requests are accepted only from the gateway's own and local origins", () => {
  test.each<[string, string | undefined, string | undefined]>([
    ["a program, which sends no origin", undefined, HOST],
    ["a program that sends no host either", undefined, undefined],
    ["its own page", "http://localhost:8000", "localhost:8000"],
    ["its own page by address", "http://127.0.0.1:8000", "127.0.0.1:8000"],
    ["a page of another local server", "http://localhost:5173", HOST],
    ["a local page by https", "https://127.0.0.1", HOST],
    ["a local page by IPv6", "http://[::1]:3000", "[::1]:8000"],
    ["a local page by a name under localhost", "http://app.localhost:3000", HOST],
  ])("accepts %s", (_, origin, host) => {
    LOCAL.check({ origin, host });
    NETWORK.check({ origin, host });
  });

  test.each([
    ["another site", "https://example.com"],
    ["another site on the gateway's port", "http://example.com:8000"],
    ["a site whose name begins as a local one", "http://localhost.example.com"],
    ["a site whose name begins as a local address", "http://127.0.0.1.example.com"],
    ["a machine of the network", "http://10.0.0.5:8000"],
    ["a page without an origin of its own", "null"],
    ["a file", "file://"],
    ["a browser's extension", "chrome-extension://abcdef"],
    ["an invalid origin", "localhost"],
    ["an empty origin", ""],
  ])("rejects %s", (_, origin) => {
    for (const one of [LOCAL, NETWORK])
      expect(rejectionOf(() => one.check({ origin, host: HOST }))).toBe(
        `FORBIDDEN_ORIGIN: pages of ${origin} are not allowed; add the origin to ALLOWED_ORIGINS to allow them`,
      );
  });

  test.each([
    ["http://gateway.lan:8000", "gateway.lan:8000"],
    ["http://GATEWAY.lan:8000", "gateway.LAN:8000"],
    ["http://10.0.0.5:8000", "10.0.0.5:8000"],
    ["https://gateway.example", "gateway.example"],
    ["https://gateway.example", "gateway.example:443"],
    ["http://gateway.example", "gateway.example:80"],
    ["http://gateway.example:80", "gateway.example"],
  ])("while listening on the network, accepts a page of the requested host: %s of %s", (origin, host) => {
    NETWORK.check({ origin, host });
  });

  test.each([
    ["http://gateway.lan:8000", "gateway.lan:9000"],
    ["http://gateway.lan", "gateway.lan:8000"],
    ["https://gateway.lan", "gateway.lan:80"],
    ["http://gateway.lan:8000", "other.lan:8000"],
    ["http://gateway.lan:8000", undefined],
    ["http://gateway.lan:8000", ""],
    ["http://gateway.lan", "x y"],
  ])("while listening on the network, rejects a page of another host: %s of %s", (origin, host) => {
    expect(rejectionOf(() => NETWORK.check({ origin, host }))).toMatch(/^FORBIDDEN_ORIGIN/);
  });
});

describe("a foreign name that resolves to this machine (DNS rebinding)", () => {
  test.each([
    "evil.example:8000",
    "evil.example",
    "EVIL.example",
    "10.0.0.5:8000",
    "localhost.evil.example",
    "x y",
  ])("is rejected while listening on loopback: %s", (host) => {
    expect(rejectionOf(() => LOCAL.check({ origin: undefined, host }))).toMatch(
      /^FORBIDDEN_HOST: host .+ is not allowed; add it to ALLOWED_HOSTS to allow it$/,
    );
  });

  test("is rejected even if its page is same-origin", () => {
    expect(
      rejectionOf(() => LOCAL.check({ origin: "http://evil.example:8000", host: "evil.example:8000" })),
    ).toBe("FORBIDDEN_HOST: host evil.example is not allowed; add it to ALLOWED_HOSTS to allow it");
  });

  test.each(["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST", "app.localhost:1", undefined])(
    "local names are accepted: %s",
    (host) => {
      LOCAL.check({ origin: undefined, host });
    },
  );

  test("accepts any name when listening on the network", () => {
    NETWORK.check({ origin: undefined, host: "gateway.lan:8000" });
  });

  test.each(["localhost", "LOCALHOST", "::1", "127.0.0.2"])(
    "listening on %s is this machine",
    (listenHost) => {
      expect(
        rejectionOf(() => guard({ listenHost }).check({ origin: undefined, host: "evil.example" })),
      ).toMatch(/^FORBIDDEN_HOST/);
    },
  );
});

describe("settings", () => {
  const request = (origin: string | undefined, host = HOST) => ({ origin, host });

  test("ALLOWED_ORIGINS accepts origins in any case, with or without a trailing slash", () => {
    const open = guard({ allowedOrigins: ["https://Lab.example/", "chrome-extension://abcdef"] });
    open.check(request("https://lab.example"));
    open.check(request("https://LAB.example"));
    open.check(request("chrome-extension://abcdef"));
    for (const origin of [
      "http://lab.example",
      "https://lab.example:8443",
      "https://x.lab.example",
      "https://lab.example.com",
    ])
      expect(rejectionOf(() => open.check(request(origin)))).toMatch(/^FORBIDDEN_ORIGIN/);
  });

  test("ALLOWED_ORIGINS=* accepts all origins, and no other hosts", () => {
    const open = guard({ allowedOrigins: ["*"] });
    open.check(request("https://example.com"));
    open.check(request("null"));
    expect(rejectionOf(() => open.check(request("https://example.com", "example.com")))).toMatch(
      /^FORBIDDEN_HOST/,
    );
  });

  test("ALLOWED_HOSTS accepts hosts in any case and on any port", () => {
    const open = guard({ allowedHosts: ["Gateway.example"] });
    open.check(request(undefined, "gateway.example"));
    open.check(request(undefined, "GATEWAY.example:8000"));
    open.check(request("http://gateway.example:8000", "gateway.example:8000"));
    expect(rejectionOf(() => open.check(request(undefined, "x.gateway.example")))).toMatch(/^FORBIDDEN_HOST/);
    expect(rejectionOf(() => open.check(request("https://example.com", "gateway.example")))).toMatch(
      /^FORBIDDEN_ORIGIN/,
    );
  });

  test("ALLOWED_HOSTS is enforced on every listen address", () => {
    const open = guard({ allowedHosts: ["gateway.example", "fe80::1"], listenHost: "0.0.0.0" });
    for (const host of ["gateway.example:8000", "[FE80::1]:8000", "127.0.0.1:8000", "localhost", undefined])
      open.check(request(undefined, host));
    for (const host of ["evil.example:8000", "10.0.0.5", "", "gateway.example.evil.example"])
      expect(rejectionOf(() => open.check({ origin: `http://${host}`, host }))).toMatch(/^FORBIDDEN_HOST/);
  });

  test("ALLOWED_HOSTS=* accepts all hosts, and no other origins", () => {
    const open = guard({ allowedHosts: ["*"] });
    open.check(request(undefined, "anything.example"));
    expect(rejectionOf(() => open.check(request("https://example.com", "anything.example")))).toMatch(
      /^FORBIDDEN_ORIGIN/,
    );
  });
});

test("applies the same rules to pages that read responses", () => {
  expect(LOCAL.allowsOrigin("http://localhost:3000", HOST)).toBe(true);
  expect(LOCAL.allowsOrigin("https://example.com", HOST)).toBe(false);
  expect(NETWORK.allowsOrigin("http://gateway.lan:8000", "gateway.lan:8000")).toBe(true);
  expect(NETWORK.allowsOrigin("http://gateway.lan:8000", undefined)).toBe(false);
});

describe("a request without an origin for a part of a page", () => {
  const part = { origin: undefined, host: HOST, fetchSite: "cross-site", fetchMode: "no-cors" };

  test("is rejected from another site", () => {
    for (const referer of [undefined, "https://example.com/", "nonsense"])
      expect(rejectionOf(() => LOCAL.check({ ...part, referer }))).toMatch(
        /^FORBIDDEN_ORIGIN: pages of other sites/,
      );
  });

  test("is accepted from local pages, allowed origins, or all with *", () => {
    LOCAL.check({ ...part, referer: "http://localhost:5173/" });
    guard({ allowedOrigins: ["https://example.com"] }).check({ ...part, referer: "https://example.com/a" });
    guard({ allowedOrigins: ["*"] }).check(part);
  });

  test("accepts navigation from any site, and requests of the same site", () => {
    LOCAL.check({ ...part, fetchMode: "navigate" });
    for (const fetchSite of ["same-origin", "same-site", "none"]) LOCAL.check({ ...part, fetchSite });
  });
});
