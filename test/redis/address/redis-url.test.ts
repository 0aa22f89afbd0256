import { describe, expect, test } from "vitest";
import { describeAddress, parseRedisUrl, type RedisAddress } from "../../../src/redis/address/redis-url.ts";

const tcp = (host: string, port: number, further: Partial<RedisAddress> = {}): RedisAddress => ({
  target: { host, port },
  database: 0,
  ...further,
});
const unix = (path: string, further: Partial<RedisAddress> = {}): RedisAddress => ({
  target: { path },
  database: 0,
  ...further,
});

describe("a Redis URL", () => {
  test.each<[string, RedisAddress]>([
    ["redis://localhost", tcp("localhost", 6379)],
    ["redis://localhost/", tcp("localhost", 6379)],
    ["redis://localhost:7000", tcp("localhost", 7000)],
    ["redis://localhost:7000/3", tcp("localhost", 7000, { database: 3 })],
    ["redis://", tcp("127.0.0.1", 6379)],
    ["redis:///2", tcp("127.0.0.1", 6379, { database: 2 })],
    ["REDIS://localhost", tcp("localhost", 6379)],
    ["redis://[::1]:7000/0", tcp("::1", 7000)],
    ["redis://:secret@localhost", tcp("localhost", 6379, { password: "secret" })],
    ["redis://me:secret@localhost", tcp("localhost", 6379, { username: "me", password: "secret" })],
    ["redis://me@localhost", tcp("localhost", 6379, { username: "me" })],
    [
      "redis://m%40e:p%2Fa%3As%25s@localhost/1",
      tcp("localhost", 6379, { username: "m@e", password: "p/a:s%s", database: 1 }),
    ],
    ["rediss://example.com:6380", tcp("example.com", 6380, { tls: { servername: "example.com" } })],
    ["rediss://10.0.0.1", tcp("10.0.0.1", 6379, { tls: {} })],
    ["unix:///run/redis.sock", unix("/run/redis.sock")],
    ["redis+unix:///run/redis.sock", unix("/run/redis.sock")],
    ["unix:///run/my%20redis.sock?db=4", unix("/run/my redis.sock", { database: 4 })],
    ["unix://me:secret@localhost/run/r.sock", unix("/run/r.sock", { username: "me", password: "secret" })],
    ["/run/redis.sock", unix("/run/redis.sock")],
    ["/run/100%.sock", unix("/run/100%.sock")],
  ])("%s", (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    ["redis://localhost/one", 'REDIS_URL must end with a database number, got "one"'],
    ["redis://localhost/-1", 'REDIS_URL must end with a database number, got "-1"'],
    ["redis://localhost/1/2", 'REDIS_URL must end with a database number, got "1/2"'],
    ["unix:///run/redis.sock?db=x", 'REDIS_URL must end with a database number, got "x"'],
    ["redis://me:secret@localhost:0", "REDIS_URL must have ports from 1 to 65535, got 0"],
    ["rediss://me:secret@localhost:000", "REDIS_URL must have ports from 1 to 65535, got 0"],
    ["redis:localhost", "REDIS_URL is not a valid URL: it must be like redis://host:port"],
    ["unix://", "REDIS_URL must name a socket, like unix:///path/to/socket"],
    ["unix:///", "REDIS_URL must name a socket, like unix:///path/to/socket"],
    ["unix://me:secret@localhost?db=1", "REDIS_URL must name a socket, like unix:///path/to/socket"],
    ["redis://me:secret@localhost:port", "REDIS_URL is not a valid URL: it must be like redis://host:port"],
    ["redis://me:secret@localhost:99999", "REDIS_URL is not a valid URL: it must be like redis://host:port"],
    ["me:secret@localhost", "REDIS_URL must use redis://, rediss:// or unix://, got me:"],
    ["secret", "REDIS_URL is not a valid URL: it must be like redis://host:port"],
    ["http://me:secret@localhost", "REDIS_URL must use redis://, rediss:// or unix://, got http:"],
    ["redis://me:secret%@localhost", "REDIS_URL has a password that is not percent-encoded UTF-8"],
    ["redis://%ff:secret@localhost", "REDIS_URL has a user that is not percent-encoded UTF-8"],
    ["unix:///run/100%.sock", "REDIS_URL has a path that is not percent-encoded UTF-8"],
  ])("%s is rejected without revealing the password", (url, sentence) => {
    let thrown: unknown;
    try {
      parseRedisUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ message: sentence });
    // A logger writes an error's own properties as well.
    expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain("secret");
  });
});

describe("describes an address without credentials", () => {
  test.each([
    ["redis://me:secret@localhost:7000/3", "redis://localhost:7000/3"],
    ["redis://localhost", "redis://localhost:6379"],
    ["redis://[::1]:7000", "redis://[::1]:7000"],
    ["rediss://:secret@example.com", "rediss://example.com:6379"],
    ["unix://me:secret@localhost/run/r.sock", "unix:/run/r.sock"],
    ["/run/redis.sock", "unix:/run/redis.sock"],
  ])("of %s is %s", (url, text) => {
    expect(describeAddress(parseRedisUrl(url))).toBe(text);
  });
});
