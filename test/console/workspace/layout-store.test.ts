import { expect, test } from "vitest";
import { LayoutStore, parseLayouts } from "../../../console/workspace/layout-store.ts";

function storage(): Pick<Storage, "getItem" | "setItem"> {
  const stored = new Map<string, string>();
  return {
    getItem: (name) => stored.get(name) ?? null,
    setItem: (name, value) => void stored.set(name, value),
  };
}

test("keeps named layouts for the next visit, sorted, one per name", () => {
  const browser = storage();
  const first = new LayoutStore(browser);
  first.save("rover", "open=a");
  first.save(" imu ", "open=b");
  first.save("rover", "open=c");
  first.save("  ", "open=d");
  const next = new LayoutStore(browser);
  expect(next.layouts.value).toEqual([
    { name: "imu", link: "open=b" },
    { name: "rover", link: "open=c" },
  ]);
  next.remove("imu");
  expect(new LayoutStore(browser).layouts.value.map(({ name }) => name)).toEqual(["rover"]);
});

test("is bounded, and ignores what is stored in another form", () => {
  const many = new LayoutStore(storage());
  for (let n = 0; n < 60; n++) many.save(`layout ${n}`, "open=a");
  expect(many.layouts.value).toHaveLength(50);
  many.save("x".repeat(1000), "open=a");
  expect(many.layouts.value.at(-1)?.name).toHaveLength(60);
  for (const other of [null, "", "{", "5", '[{"name":1}]', "[null]"]) expect(parseLayouts(other)).toEqual([]);
});
