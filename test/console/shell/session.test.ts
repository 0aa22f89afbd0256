import { expect, test } from "vitest";
import { isAuthenticated, may, mayAdminister, parseSession } from "../../../console/shell/session.ts";
import { absenceText } from "../../../console/workspace/absence.ts";

const of = (...permissions: readonly string[]) => ({ identity: "key:one", permissions });

test.each([
  [["read:rover:*"], false, false],
  [["write:rover:*"], true, false],
  [["work:rover:*"], false, false],
  [["admin:rover:cam"], true, true],
  [["admin:*"], true, true],
  [["admin"], true, true],
  [["read:*", "write:other:*"], false, false],
])("permissions %j", (permissions, mayWrite, mayAdminister) => {
  const session = of(...permissions);
  expect([may(session, "write", "rover:cam"), may(session, "admin", "rover:cam")]).toEqual([
    mayWrite,
    mayAdminister,
  ]);
});

test("the whole gateway is administered only with the pattern of everything", () => {
  expect(
    [["admin:*"], ["admin"], ["admin:rover:*"], ["write:*"]].map((all) => mayAdminister(of(...all))),
  ).toEqual([true, true, false, false]);
  expect(mayAdminister(undefined)).toBe(false);
});

test("a pane without its stream states whether the user may read it", () => {
  expect(absenceText(of("read:rover:cam"), "rover:imu")).toContain("key:one, which may not read rover:imu");
  expect(absenceText(of("write:rover:*"), "rover:imu")).toContain("may not read");
  expect(absenceText(of("read:rover:*"), "rover:imu")).toContain("rover:imu does not exist.");
  expect(absenceText(undefined, "rover:imu")).toContain("does not exist, or you may not read it");
});

test("permits everything while the permissions are not known", () => {
  expect(may(undefined, "admin", "rover:cam")).toBe(true);
  expect(isAuthenticated(undefined)).toBe(false);
  expect(isAuthenticated({ identity: "anyone", permissions: ["admin:*"] })).toBe(false);
  expect(isAuthenticated(of())).toBe(true);
});

test("reads a response", () => {
  expect(parseSession({ identity: "key:one", permissions: ["read"], expires: null })).toEqual(of("read"));
  for (const other of [null, 5, {}, { identity: 5, permissions: [] }, { identity: "x", permissions: "read" }])
    expect(parseSession(other)).toBeUndefined();
});
