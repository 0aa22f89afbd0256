/** Errors that the sentinel client reports when a reply is invalid, or cannot be handled. */
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import type { SentinelHost } from "../../../src/redis/address/sentinel-url.ts";
import {
  askSentinel,
  listenToSentinel,
  type SentinelAccess,
  type SentinelAnswer,
} from "../../../src/redis/sentinel/sentinel-client.ts";

const ACCESS: SentinelAccess = { sentinelLogin: {} };

/** Runs with a server that sends a text to each client. */
async function withServer<T>(text: string, use: (host: SentinelHost) => Promise<T>): Promise<T> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  } finally {
    server.close();
  }
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const message = (text: string) => `*3\r\n${bulk("message")}${bulk("+switch-master")}${bulk(text)}`;

const ask = (text: string) =>
  withServer(
    text,
    (host) => new Promise<SentinelAnswer>((resolve) => askSentinel(host, ACCESS, "cameras", resolve)),
  );

/** @returns why the subscription ends */
const listen = (text: string, onSwitch: (master: string, to: SentinelHost) => void) =>
  withServer(
    text,
    (host) =>
      new Promise<string>((resolve) => {
        listenToSentinel(host, ACCESS, { onListening: () => undefined, onSwitch, onEnd: resolve });
      }),
  );

test("reports invalid RESP", async () => {
  expect(await ask("no RESP\r\n")).toEqual({ kind: "silent", reason: "invalid RESP from the sentinel" });
});

test("reports the error of a handler as what it is", async () => {
  const reason = await listen(message("cameras 127.0.0.1 1 127.0.0.1 6379"), () => {
    throw new Error("no connection to close");
  });
  expect(reason).toBe("could not handle a reply of the sentinel: Error: no connection to close");
});

test("rejects an address that has no valid port", async () => {
  expect(await ask(`*2\r\n${bulk("127.0.0.1")}${bulk("70000")}`)).toEqual({
    kind: "rejected",
    reason: "the reply is not an address",
  });
  const switched: SentinelHost[] = [];
  const [invalid, valid] = ["127.0.0.1 x", "127.0.0.2 6379"].map((to) =>
    message(`cameras 127.0.0.1 1 ${to}`),
  );
  await listen(`${invalid}${valid}no RESP\r\n`, (_, to) => switched.push(to));
  expect(switched).toEqual([{ host: "127.0.0.2", port: 6379 }]);
});
