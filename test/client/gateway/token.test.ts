/** Client with a token, against a gateway that requires one. */
import { createSecretKey } from "node:crypto";
import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { connect, type StreamerError } from "../../../client/index.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";

const SECRET = "a secret of more than thirty-two bytes";
const { gateway } = await openOwnGateway({
  AUTH: "1",
  JWT_SECRET: SECRET,
  JWT_CLOCK_TOLERANCE_MS: "0",
});

const token = (lifeS: number, permissions = ["admin"]) =>
  new SignJWT({ permissions })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime(Math.floor(Date.now() / 1000) + lifeS)
    .sign(createSecretKey(Buffer.from(SECRET)));

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: StreamerError) => error.code,
  );

test("pushes and pulls with a token", async () => {
  const streamer = connect(gateway.http, { token: await token(60) });
  const push = streamer.push("mine");
  await push.send("hello");
  await push.close();
  for await (const { data } of streamer.pull("mine", { from: "0" })) {
    expect(Buffer.from(data).toString()).toBe("hello");
    break;
  }
});

test("reports a missing or insufficient token and does not retry", async () => {
  const pullOf = (options: Parameters<typeof connect>[1], from: string) =>
    connect(gateway.http, options).pull("mine", { from }).next();
  for (const from of ["0", "$"]) {
    expect(await codeOf(pullOf({}, from))).toBe("UNAUTHENTICATED");
    expect(await codeOf(pullOf({ token: "made-up" }, from))).toBe("UNAUTHENTICATED");
    expect(await codeOf(pullOf({ token: await token(60, ["write"]) }, from))).toBe("FORBIDDEN");
  }
});

test("renews an expired token and continues the loop", async () => {
  const lives = [2, 60];
  let requested = 0;
  const streamer = connect(gateway.http, {
    token: () => token(lives[requested++] ?? 60),
    backoff: { maxMs: 10 },
  });
  const statuses: string[] = [];
  const reader = streamer.pull("long", {
    from: "0",
    onStatus: (status) => statuses.push(status.state === "waiting" ? status.error.code : status.state),
  });
  const first = reader.next();
  while (!statuses.includes("UNAUTHENTICATED")) await new Promise((resolve) => setTimeout(resolve, 10));
  const push = connect(gateway.http, { token: await token(60) }).push("long");
  await push.send("late");
  await push.close();
  expect(Buffer.from((await first).value?.data ?? "").toString()).toBe("late");
  expect(requested).toBe(2);
  await reader.return(undefined);
});
