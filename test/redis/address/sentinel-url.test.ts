import { describe, expect, test } from "vitest";
import { isSentinelUrl, parseSentinelUrl } from "../../../src/redis/address/sentinel-url.ts";

const at = { host: "10.0.0.7", port: 6380 };

describe("a URL of sentinels", () => {
  test.each([
    ["redis+sentinel://a/m", [{ host: "a", port: 26379 }], "m", 0],
    [
      "redis+sentinel://a:1,b:2/m/3",
      [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
      "m",
      3,
    ],
    [
      "REDIS+SENTINEL://a:1,b/my%20master/",
      [
        { host: "a", port: 1 },
        { host: "b", port: 26379 },
      ],
      "my master",
      0,
    ],
    [
      "redis+sentinel://[::1]:5,[fe80::2]/m",
      [
        { host: "::1", port: 5 },
        { host: "fe80::2", port: 26379 },
      ],
      "m",
      0,
    ],
  ])("%s", (text, sentinels, master, database) => {
    expect(isSentinelUrl(text)).toBe(true);
    const url = parseSentinelUrl(text);
    expect(url).toMatchObject({ sentinels, master, sentinelLogin: {} });
    expect(url.addressOf(at)).toEqual({ target: at, database });
  });

  test("has a login for the master and one for the sentinels", () => {
    const url = parseSentinelUrl(
      "redis+sentinel://m%40e:p%2Fa%3As%25s@a/m?sentinel_username=you&sentinel_password=hu%26sh",
    );
    expect(url.addressOf(at)).toEqual({ target: at, username: "m@e", password: "p/a:s%s", database: 0 });
    expect(url.sentinelLogin).toEqual({ username: "you", password: "hu&sh" });
    expect(parseSentinelUrl("redis+sentinel://:secret@a/m").addressOf(at)).toMatchObject({
      password: "secret",
    });
  });

  test("with rediss uses TLS for both, and sends the server name if the host has one", () => {
    const url = parseSentinelUrl("rediss+sentinel://a/m", { ca: "ours" });
    expect(url.tls).toEqual({ ca: "ours" });
    expect(url.addressOf(at).tls).toEqual({ ca: "ours" });
    expect(url.addressOf({ host: "there", port: 1 }).tls).toEqual({ ca: "ours", servername: "there" });
  });

  test.each([
    ["redis+sentinel://:secret@a", "REDIS_URL must be redis+sentinel://host:port,host:port/master-name"],
    ["redis+sentinel://:secret@a/m/x", "REDIS_URL must be redis+sentinel://host:port,host:port/master-name"],
    ["redis+sentinel://:secret@a:b/m", 'REDIS_URL: "a:b" is not a valid host and port of a sentinel'],
    ["redis+sentinel://:secret@a,,b/m", 'REDIS_URL: "" is not a valid host and port of a sentinel'],
    ["redis+sentinel://:secret%@a/m", "REDIS_URL has a password that is not percent-encoded UTF-8"],
    [
      "redis+sentinel://:secret@a/m?password=secret",
      "REDIS_URL has the unknown parameter password; known are sentinel_username",
    ],
  ])("%s is rejected without revealing the password", (text, sentence) => {
    let thrown: unknown;
    try {
      parseSentinelUrl(text);
    } catch (error) {
      thrown = error;
    }
    const { message } = thrown as Error;
    expect(message).toContain(sentence);
    expect(message).not.toContain("secret");
  });
});
