/** Viewers and downloads of the console for every shape of entry that XADD can store. */
import { describe, expect, test } from "vitest";
import { createPulledEntry } from "../../../client/reading/entry.ts";
import { EXPORT_FORMS } from "../../../console/tools/export.ts";
import { numbersOf, textOf } from "../../../console/viewers/content.ts";
import { hexText } from "../../../console/viewers/raw/hex.ts";
import { lineOf } from "../../../console/viewers/text/lines.ts";
import { viewOf } from "../../../console/viewers/viewers.ts";
import { type Fields, type Json, SHAPES } from "../../support/data/entry-shapes.ts";

const bytesOf = (value: Json) =>
  typeof value === "string"
    ? new TextEncoder().encode(value)
    : new Uint8Array(Buffer.from(value.base64, "base64"));

const pulled = (id: string, payload: Json, fields?: Fields) =>
  createPulledEntry(
    {
      stream: "s",
      id,
      data: bytesOf(payload),
      ...(fields && {
        fields: new Map(
          Object.entries(fields).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.map(bytesOf) : bytesOf(value as Json),
          ]),
        ),
      }),
    },
    false,
  );

async function written(id: string, entries: readonly ReturnType<typeof pulled>[]): Promise<string> {
  async function* each() {
    yield* entries;
  }
  let text = "";
  const form = EXPORT_FORMS.find((one) => one.id === id);
  for await (const part of form?.write(each()) ?? [])
    text += typeof part === "string" ? part : Buffer.from(part);
  return text;
}

describe.each(SHAPES)("%s", (_title, _args, payload, fields) => {
  const entry = pulled("1-0", payload, fields);

  test("has a viewer that shows its fields", () => {
    if (entry.data.length === 0 && fields !== undefined) expect(viewOf(entry)).toBe("table");
    for (const isPretty of [true, false])
      for (const name of Object.keys(fields ?? {}).slice(0, 3))
        expect(lineOf(entry, isPretty)).toContain(/^\w+$/.test(name) ? name : JSON.stringify(name));
    expect(hexText(entry.data)).toBeTypeOf("string");
    expect(textOf(entry) === undefined).toBe(typeof payload !== "string");
    expect(numbersOf(entry).get("qty")).toBe(fields !== undefined && "qty" in fields ? 3 : undefined);
  });

  test("can be downloaded in every format", async () => {
    const [line = ""] = (await written("jsonl", [entry])).split("\n");
    expect(JSON.parse(line).fields).toEqual(fields);
    for (const { id } of EXPORT_FORMS) await written(id, [entry, pulled("2-0", "after")]);
    const rows = (await written("csv", [entry])).length;
    expect(rows > 0).toBe(fields !== undefined);
  });
});

test("writes CSV columns for fields", async () => {
  const entries = [
    pulled("1-0", "", { qty: "3", item: "bolt, M4" }),
    pulled("2-0", "", { qty: "4", item: ["a", "b"] }),
    pulled("3-0", '{"qty":5}', { qty: "6" }),
  ];
  expect(await written("csv", entries)).toBe(
    [
      "id,time,qty,item",
      '1-0,1970-01-01T00:00:00.001Z,3,"bolt, M4"',
      '2-0,1970-01-01T00:00:00.002Z,4,"[""a"",""b""]"',
      "3-0,1970-01-01T00:00:00.003Z,5,",
      "",
    ].join("\r\n"),
  );
  expect(await written("csv", entries.slice(2))).toContain("id,time,qty,fields.qty");
});
