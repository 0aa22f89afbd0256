/** The mutation that stores entries: for small data, where a WebSocket or a POST would be too much to ask of a script. */
import type { EntryFields, NewEntry } from "../../../domain/entry.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import type { AppendResult } from "../../../redis/append/appender.ts";
import { decodeBase64 } from "../../../wire/base64.ts";
import { requestedIdOf } from "../../../wire/push-batch.ts";
import { bytesOfText } from "../../../wire/utf8.ts";
import { unmarkNumbers } from "../execution/exact-numbers.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import { DEVICE_ARGUMENT, keyOfId } from "./stream-ids.ts";

interface EntryInput {
  readonly string?: string | null | undefined;
  readonly json?: unknown;
  readonly base64?: string | null | undefined;
  readonly id?: string | null | undefined;
  readonly fields?: unknown;
}

/** Adds the mutation and its types. Keys have no device where `withDevices` is false. */
export function addAppend(builder: Builder, withDevices: boolean): void {
  const input = builder.inputType("EntryInput", {
    description: "An entry to store: its payload in exactly one of three forms.",
    fields: (t) => ({
      string: t.string({ description: "The payload as text." }),
      json: t.field({ type: "JSON", description: "The payload as JSON." }),
      base64: t.string({ description: "The payload as bytes in base64." }),
      id: t.string({ description: "The entry id; not given, Redis assigns it." }),
      fields: t.field({
        type: "JSON",
        description: "Further fields: an object of strings; a list of strings repeats a field.",
      }),
    }),
  });

  const appended = builder.objectRef<{ readonly result: AppendResult }>("AppendedEntry").implement({
    description: "What became of one entry.",
    fields: (t) => ({
      id: t.string({
        nullable: true,
        description: "Its id; null where it is not stored.",
        resolve: ({ result }) => (result instanceof GatewayError ? null : result),
      }),
      error: t.string({
        nullable: true,
        description: "Why it is not stored, or not surely.",
        resolve: ({ result }) => (result instanceof GatewayError ? result.message : null),
      }),
      code: t.string({
        nullable: true,
        description: "The stable code of the error.",
        resolve: ({ result }) => (result instanceof GatewayError ? result.code : null),
      }),
    }),
  });

  builder.mutationField("append", (t) => {
    const deviceArg = {
      deviceId: t.arg.string({ description: DEVICE_ARGUMENT }),
    };
    const streamArgs = {
      streamId: t.arg.string({
        required: true,
        description: "The stream: its id below its device, or as lists show it.",
      }),
      entries: t.arg({ type: [input], required: true, description: "The entries, in order." }),
    };
    return t.field({
      type: [appended],
      nullable: true,
      description: "Stores small entries, in order; one that is refused has an error in its place.",
      args: alsoDevice(withDevices, streamArgs, deviceArg),
      async resolve(_root, { streamId, deviceId, entries }, context) {
        const key = await keyOfId(context, "write", streamId, deviceId);
        context.limiting.useStream(context.visitor, key);
        context.spendEntries(entries.length);
        const given = entries.map((entry, i) => newEntry(key, entry, i));
        const lease = context.memory.receive("append", context.visitor);
        await lease.grow(given.reduce((sum, { data }) => sum + data.length, 0));
        const results = await new Promise<readonly AppendResult[]>((resolve) =>
          context.log.append(given, resolve),
        ).finally(lease.release);
        return results.map((result) => ({ result }));
      },
    });
  });
}

function newEntry(key: string, entry: EntryInput, i: number): NewEntry {
  const fields = fieldsOf(entry.fields, i);
  return { key, id: requestedIdOf(entry.id), data: dataOf(entry, i), ...(fields.size > 0 && { fields }) };
}

function dataOf({ string, json, base64 }: EntryInput, i: number): Uint8Array {
  const given = [string != null, json !== undefined, base64 != null].filter(Boolean).length;
  if (given !== 1) throw badParameter(`entries[${i}]`, "wants its payload in one of string, json and base64");
  if (string != null) return bytesOfText(string);
  if (base64 == null) return bytesOfText(unmarkNumbers(JSON.stringify(json)));
  const bytes = decodeBase64(base64);
  if (bytes === undefined) throw badParameter(`entries[${i}].base64`, "is no base64");
  return bytes;
}

/** Reads the fields of an entry: an object of strings, or lists of strings, which repeat a field. */
function fieldsOf(value: unknown, i: number): EntryFields {
  if (value === undefined || value === null) return new Map();
  const members = typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [["d", ""]];
  return new Map(
    members.map(([name = "", one]) => {
      const values: unknown = Array.isArray(one) && one.length > 0 ? one : [one];
      if (name === "d" || !isTexts(values))
        throw badParameter(
          `entries[${i}].fields`,
          'must be an object of strings, or lists of strings, without "d", the name of the payload',
        );
      const [only, ...others] = values.map(bytesOfText);
      return [name, only !== undefined && others.length === 0 ? only : values.map(bytesOfText)];
    }),
  );
}

const isTexts = (values: unknown): values is readonly string[] =>
  Array.isArray(values) && values.every((one) => typeof one === "string");
