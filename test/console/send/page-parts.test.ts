import { signal } from "@preact/signals";
import { expect, test, vi } from "vitest";
import { type Status, StreamerError } from "../../../client/browser.ts";
import { Account } from "../../../console/send/account.ts";
import { connectionText, shownStatus } from "../../../console/send/connection-text.ts";
import type { SenderState } from "../../../console/send/sending/sender.ts";
import { FEATURES, unavailable } from "../../../console/send/sources/availability.ts";
import { lookOf } from "../../../console/send/sources/card-look.ts";
import { refusalOf } from "../../../console/send/sources/refusal.ts";
import { StreamKeys } from "../../../console/send/stream-keys.ts";
import { keepScreenOn } from "../../../console/send/wake-lock.ts";
import { until } from "../../support/until.ts";

const open: Status = { state: "open" };
const connecting: Status = { state: "connecting" };
const waiting: Status = {
  ...{ state: "waiting", delayMs: 500 },
  error: new StreamerError("UNREACHABLE", "cannot connect", { retryable: true }),
};

test("nothing but stored entries looks like sending", () => {
  const sending: SenderState = { kind: "sending" };
  expect(lookOf(sending, open, false)).toEqual({ look: "good", text: "sending" });
  expect(lookOf(sending, waiting, false)).toEqual({ look: "bad", text: "not stored now" });
  expect(lookOf(sending, connecting, false).look).toBe("calm");
  const others: readonly SenderState[] = [
    ...([{ kind: "off" }, { kind: "asking" }, { kind: "finishing" }] as const),
    { kind: "waiting", hint: "" },
    { kind: "refused", reason: "", needsLogin: false },
  ];
  for (const state of others) expect(lookOf(state, open, false).look).not.toBe("good");
});

test("the worst connection is shown, also while it is opened again", () => {
  expect(connectionText([])).toBeUndefined();
  expect(connectionText([open, connecting])?.text).toBe("connecting");
  expect(connectionText([open, { state: "redis-unavailable", since: new Date() }, waiting])).toEqual({
    look: "bad",
    text: "gateway unreachable, reconnecting",
  });
  expect(shownStatus(waiting, connecting)).toBe(waiting);
  expect(shownStatus(waiting, open)).toBe(open);
  expect(shownStatus(undefined, connecting)).toBe(connecting);
});

test("a source is available on pages of HTTPS in browsers that have it", () => {
  const features = new Set(FEATURES);
  for (const feature of FEATURES) {
    expect(unavailable({ isSecure: true, features }, feature)).toBeUndefined();
    expect(unavailable({ isSecure: false, features }, feature)).toContain("HTTPS");
    expect(unavailable({ isSecure: true, features: new Set() }, feature)).toContain("this browser");
  }
});

test.each([
  ["NotAllowedError", "Allow it in the settings of this site"],
  ["NotFoundError", "This device has no camera."],
  ["NotReadableError", "Another program uses the camera."],
  ["AbortError", "Another program uses the camera."],
  ["OverconstrainedError", "Choose others."],
  ["Other", "as the browser reports it"],
])("%s has a reason that helps", (name, text) => {
  expect(refusalOf(new DOMException("as the browser reports it", name), "camera")).toContain(text);
});

const answer = (status: number, body: unknown) => async () => ({
  ...{ status, ok: status === 200 },
  json: async () => body,
});

test("knows what the key may write", async () => {
  const permissions = ["read:*", "write:rover:*", "write:phone:camera"];
  const account = new Account(answer(200, { identity: "key:lab", permissions, expires: null }));
  expect(account.forbidden("phone:mic")).toBeUndefined();
  await account.check();
  expect(account.forbidden("phone:camera")).toBeUndefined();
  expect(account.forbidden("rover:mic")).toBeUndefined();
  expect(account.forbidden("phone:mic")).toBe(
    "The key key:lab may not write the stream phone:mic. Its permissions: write:rover:*, write:phone:camera.",
  );
});

test("knows that the login has expired, and that there is a new one", async () => {
  const request = vi.fn(answer(200, { identity: "key:lab", permissions: ["read"] }));
  const account = new Account(request);
  await account.check();
  expect(account.forbidden("a:b")).toContain("It may not write any stream.");
  request.mockImplementationOnce(answer(401, {}));
  await account.check();
  expect(account.needsLogin.value).toBe(true);
  request.mockRejectedValueOnce(new TypeError("unreachable"));
  await account.check();
  expect(account.needsLogin.value).toBe(true);
  await account.check();
  expect(account.needsLogin.value).toBe(false);
});

test("holds the screen while it is needed and visible, and again after the page was hidden", async () => {
  const isNeeded = signal(false);
  const release = vi.fn(async () => undefined);
  const request = vi.fn(async () => ({ release }));
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" as DocumentVisibilityState });
  const stop = keepScreenOn(isNeeded, request, page);
  expect(request).not.toHaveBeenCalled();
  isNeeded.value = true;
  expect(request).toHaveBeenCalledTimes(1);
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  expect(request).toHaveBeenCalledTimes(1);
  page.visibilityState = "visible";
  page.dispatchEvent(new Event("visibilitychange"));
  expect(request).toHaveBeenCalledTimes(2);
  isNeeded.value = false;
  await until("both are released", () => release.mock.calls.length === 2);
  request.mockRejectedValueOnce(new DOMException("battery", "NotAllowedError"));
  isNeeded.value = true;
  stop();
});

test("stream keys have no device if the gateway has none", async () => {
  let respond: () => Promise<Pick<Response, "ok" | "json">> = answer(503, {});
  const keys = new StreamKeys(() => respond());
  const keyAfter = async (next: typeof respond) => {
    respond = next;
    await keys.check();
    return keys.of("phone", "camera");
  };
  expect(await keyAfter(answer(503, {}))).toBe("phone:camera");
  expect(await keyAfter(answer(200, { data: { type: null } }))).toBe("camera");
  expect(await keyAfter(() => Promise.reject(new TypeError("unreachable")))).toBe("camera");
  expect(await keyAfter(answer(200, { data: { type: { name: "Device" } } }))).toBe("phone:camera");
});
