import { expect, test } from "vitest";
import { describeCluster, isClusterUrl, parseClusterUrl } from "../../../src/redis/address/cluster-url.ts";

const node = (host: string, port: number) => ({ target: { host, port }, database: 0 });

test.each([
  ["redis+cluster://a:7000,b:7001", [node("a", 7000), node("b", 7001)], "redis+cluster://a:7000,b:7001"],
  ["redis+cluster://a/", [node("a", 6379)], "redis+cluster://a:6379"],
  [
    "redis+cluster://[::1]:1,[::2]",
    [node("::1", 1), node("::2", 6379)],
    "redis+cluster://[::1]:1,[::2]:6379",
  ],
  [
    "redis+cluster://me:p%40ss@a:1,b:2",
    [node("a", 1), node("b", 2)].map((one) => ({ ...one, username: "me", password: "p@ss" })),
    "redis+cluster://a:1,b:2",
  ],
  [
    "rediss+cluster://a:1,10.0.0.1:2",
    [
      { ...node("a", 1), tls: { ca: "x", servername: "a" } },
      { ...node("10.0.0.1", 2), tls: { ca: "x" } },
    ],
    "rediss+cluster://a:1,10.0.0.1:2",
  ],
])("%s", (url, seeds, description) => {
  expect(isClusterUrl(url)).toBe(true);
  const endpoint = parseClusterUrl(url, { ca: "x" });
  expect(endpoint.seeds).toEqual(seeds);
  expect(describeCluster(endpoint)).toBe(description);
});

test.each([
  "redis+cluster://",
  "redis+cluster://a/3",
  "redis+cluster://a:port",
  "redis+cluster://me:secret@a,:x",
  "redis+cluster://me:secret@a:0",
  "redis+cluster://me:secret@a:7000,,b:7001",
  "redis+cluster://me:secret@a:7000,",
  "redis+cluster://me:secret@a:70000",
])("%s is none, and the error has no password", (url) => {
  expect(() => parseClusterUrl(url)).toThrow(/^(?!.*secret).*REDIS_URL/);
});

test("other URLs are not meant to be one", () => {
  expect(["redis://a", "redis+sentinel://a/m", "/path"].map(isClusterUrl)).toEqual([false, false, false]);
});
