/** Declarations that a file has, and those that it lacks. */
import { expect, test } from "vitest";
import { UnreadValue } from "../../../../src/redis/registry/stored-values.ts";
import { FileDeclarations } from "../../../../src/transports/recordings/recorder/file-declarations.ts";
import { FileRoom, SharedRoom } from "../../../../src/transports/request/file-metas.ts";

/** Opens declarations that report what they write. */
function openDeclarations(room = new FileRoom()) {
  const written: string[] = [];
  const problems: string[] = [];
  const declarations = new FileDeclarations(
    {
      describe: (key, meta) => void written.push(`${key}: ${meta === undefined ? "none" : meta.length}`),
      addUnread: (key) => void written.push(`${key}: unread`),
    },
    room,
    { flush: () => void written.push("entries"), onUnread: (problem) => void problems.push(problem) },
  );
  return { declarations, written, problems };
}

const metaOf = (title: string, bytes: number) =>
  Buffer.from(JSON.stringify({ title, note: "x".repeat(bytes - 22 - title.length) }));

test("entries after metadata that is not read do not have the earlier declaration", () => {
  const { declarations, written } = openDeclarations();
  declarations.set("a", metaOf("1", 100));
  declarations.set("a", new UnreadValue(1e6, 1e5));
  expect(written).toEqual(["entries", "a: 100", "entries", "a: none", "a: unread"]);
});

test("a file without room for the declarations of a stream states that once", () => {
  const { declarations, written, problems } = openDeclarations();
  for (let i = 0; i < 100; i++) declarations.set("a", metaOf(String(i), 100_000));
  expect(written.filter((line) => line === "a: 100000").length).toBe(41);
  expect(written.slice(-3)).toEqual(["entries", "a: none", "a: unread"]);
  expect(written.filter((line) => line === "a: unread").length).toBe(1);
  expect(problems).toEqual([expect.stringContaining("too large together")]);
  declarations.set("a", metaOf("small", 100));
  expect(written.at(-1)).toBe("a: 100");
});

test("files share their room, which a closed file returns; each has a small one of its own", () => {
  const shared = new SharedRoom(300_000);
  const rooms = [new FileRoom(shared), new FileRoom(shared)] as const;
  const [first, second] = [openDeclarations(rooms[0]), openDeclarations(rooms[1])];
  first.declarations.set("a", metaOf("1", 300_000));
  second.declarations.set("b", metaOf("1", 60_000));
  second.declarations.set("c", metaOf("1", 100_000));
  expect(first.problems).toEqual([]);
  expect(second.written.filter((line) => line !== "entries")).toEqual(["b: 60000", "c: none", "c: unread"]);
  rooms[0].close();
  rooms[0].close();
  expect(shared.has(300_000)).toBe(true);
  second.declarations.set("c", metaOf("1", 100_000));
  expect(second.written.at(-1)).toBe("c: 100000");
  rooms[1].close();
  expect([shared.has(300_000), shared.has(300_001)]).toEqual([true, false]);
  expect(rooms[1].take(1)).toBe(false);
});

test("metadata is read if the file has room for it, or a declaration that it may replace", () => {
  const { declarations } = openDeclarations();
  declarations.begin("a", metaOf("1", 100));
  for (let i = 0; i < 41; i++) declarations.set(`b${i}`, metaOf("1", 100_000));
  declarations.set("c", new UnreadValue(1e6, 1e5));
  expect(["a", "b1", "c", "d"].map((key) => declarations.admits(key, 100_000))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("large metadata that was read at the beginning has taken its room", () => {
  const room = new FileRoom();
  const { declarations, problems } = openDeclarations(room);
  expect(room.take(4_000_000)).toBe(true);
  declarations.begin("a", metaOf("1", 4_000_000));
  expect(problems).toEqual([]);
});
