import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPulledEntry, type PulledEntry } from "../../../client/reading/entry.ts";
import { EXPORT_FORMS } from "../../../console/tools/export.ts";

const ENTRIES = [
  ["1000-0", '{"acc":{"x":1.5,"y":2},"state":"ok"}'],
  ["2000-1", "plain, with a comma"],
  ["3000-0", Uint8Array.of(0xff, 0, 1)],
  ["4000-0", '{"acc":{"x":-3}}'],
] as const;

async function written(
  id: string,
  list: readonly (readonly [string, string | Uint8Array])[] = ENTRIES,
): Promise<Buffer> {
  async function* entries(): AsyncGenerator<PulledEntry> {
    for (const [entryId, data] of list) {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      yield createPulledEntry({ stream: "s", id: entryId, data: bytes }, false);
    }
  }
  const form = EXPORT_FORMS.find((one) => one.id === id);
  if (form === undefined) throw new Error(`no form ${id}`);
  const parts: Buffer[] = [];
  for await (const part of form.write(entries()))
    parts.push(typeof part === "string" ? Buffer.from(part) : Buffer.from(part));
  return Buffer.concat(parts);
}

test("JSON lines: names each payload by its type", async () => {
  const lines = String(await written("jsonl"))
    .trimEnd()
    .split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { id: "1000-0", time: "1970-01-01T00:00:01.000Z", json: { acc: { x: 1.5, y: 2 }, state: "ok" } },
    { id: "2000-1", time: "1970-01-01T00:00:02.000Z", text: "plain, with a comma" },
    { id: "3000-0", time: "1970-01-01T00:00:03.000Z", base64: "/wAB" },
    { id: "4000-0", time: "1970-01-01T00:00:04.000Z", json: { acc: { x: -3 } } },
  ]);
});

test("an id need not be a time", async () => {
  const id = "18446744073709551615-7";
  const lines = async (form: string) => String(await written(form, [[id, '{"x":1}']]));
  expect(JSON.parse(await lines("jsonl"))).toEqual({ id, time: null, json: { x: 1 } });
  expect(await lines("csv")).toBe(`id,time,x\r\n${id},,1\r\n`);
});

test("CSV: writes a row for each entry with numbers", async () => {
  expect(String(await written("csv"))).toBe(
    "id,time,acc.x,acc.y\r\n1000-0,1970-01-01T00:00:01.000Z,1.5,2\r\n4000-0,1970-01-01T00:00:04.000Z,-3,\r\n",
  );
});

test("raw: concatenates the payloads", async () => {
  const payloads = ENTRIES.map(([, data]) => Buffer.from(data as string));
  expect(await written("raw")).toEqual(Buffer.concat(payloads));
});

test("tar: the system's tar extracts each payload by entry id", async () => {
  const folder = mkdtempSync(join(tmpdir(), "streamer-tar-"));
  try {
    writeFileSync(join(folder, "all.tar"), await written("tar"));
    execFileSync("tar", ["-xf", "all.tar"], { cwd: folder });
    rmSync(join(folder, "all.tar"));
    expect(readdirSync(folder).sort()).toEqual(["1000-0.json", "2000-1.txt", "3000-0.bin", "4000-0.json"]);
    for (const [id, data] of ENTRIES) {
      const [name] = readdirSync(folder).filter((file) => file.startsWith(id));
      expect(readFileSync(join(folder, name ?? ""))).toEqual(Buffer.from(data as string));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
