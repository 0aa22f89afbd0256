import { expect, test } from "vitest";
import { problemOfName, readDeviceName } from "../../../console/send/device-name.ts";

test.each(["phone", "lab phone 2", "Küche", "a/b", "x".repeat(64)])("accepts %j", (name) => {
  expect(problemOfName(name)).toBeUndefined();
});

test.each([
  ["", "Enter a name"],
  ["a:b", "colon"],
  [":devices", "colon"],
  ["cam-*", "asterisk"],
  ["a\u0000b", "control characters"],
  ["x".repeat(65), "at most 64 characters, got 65"],
])("rejects %j with a reason", (name, reason) => {
  expect(problemOfName(name)).toContain(reason);
});

function storageOf(stored: Record<string, string> = {}) {
  const items = new Map(Object.entries(stored));
  return {
    items,
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
}

test("stores the name, without spaces at its ends, if it can be used", () => {
  const storage = storageOf();
  const device = readDeviceName(storage, null, "phone-7");
  expect(device.name.value).toBe("phone-7");
  device.typed.value = " rover ";
  device.store();
  device.typed.value = "a:b";
  device.store();
  expect(device.problem.value).toContain("colon");
  expect(readDeviceName(storage, null, "phone-8").name.value).toBe("rover");
});

test("takes the name of the link before the stored one", () => {
  const storage = storageOf({ "redis-streamer.device": "rover" });
  expect(readDeviceName(storage, "arm", "phone").name.value).toBe("arm");
  expect(readDeviceName(storage, null, "phone").name.value).toBe("rover");
});
