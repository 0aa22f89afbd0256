/** GraphQL mutation `append`: stores small entries, for scripts that use neither a WebSocket nor `POST /data`. */

import { accountName } from "../../../access/limits/limits.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import { InFlightGate } from "../../../domain/scheduling/in-flight-gate.ts";
import { shown } from "../../../domain/shown.ts";
import type { EntryFields, NewEntry } from "../../../domain/streams/entry.ts";
import type { Append, AppendResult } from "../../../redis/append/appender.ts";
import { decodeBase64 } from "../../../wire/base64.ts";
import { requestedIdOf } from "../../../wire/push-batch.ts";
import { bytesOfText } from "../../../wire/utf8.ts";
import { unmarkNumbers } from "../../request/exact-numbers.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import { DEVICE_ARGUMENT, keyOfId } from "./stream-ids.ts";

/** Entries sent to Redis at a time by one operation. */
const ENTRIES_IN_PART = 500;
/** Entries of large operations that are sent and not stored yet: an append of another client waits for these at most. */
const ENTRIES_AT_ONCE = { small: 250, max: 2 * ENTRIES_IN_PART };
/** Entries that are read between two yields. */
const ENTRIES_PER_STEP = 100;

interface EntryInput {
  readonly string?: string | null | undefined;
  readonly json?: unknown;
  readonly base64?: string | null | undefined;
  readonly id?: string | null | undefined;
  readonly fields?: unknown;
}

/** Adds the mutation `append` and its types. @param withDevices false if keys have no device prefix */
export function addAppend(builder: Builder, withDevices: boolean): void {
  const input = builder.inputType("EntryInput", {
    description:
      "An entry to store. The payload must be given in exactly one of `string`, `json` and `base64`.",
    fields: (t) => ({
      string: t.string({ description: "Payload as text." }),
      json: t.field({ type: "JSON", description: "Payload as JSON." }),
      base64: t.string({ description: "Payload as bytes in base64." }),
      id: t.string({ description: "Entry id. If omitted, Redis assigns it." }),
      fields: t.field({
        type: "JSON",
        description: "Additional fields: an object of strings. A list of strings repeats a field.",
      }),
    }),
  });

  const appended = builder.objectRef<{ readonly result: AppendResult }>("AppendedEntry").implement({
    description: "Result of storing one entry.",
    fields: (t) => ({
      id: t.string({
        nullable: true,
        description: "Entry id; null if the entry was not stored.",
        resolve: ({ result }) => (result instanceof GatewayError ? null : result),
      }),
      error: t.string({
        nullable: true,
        description: "Reason why the entry was not stored, or may not have been stored.",
        resolve: ({ result }) => (result instanceof GatewayError ? result.message : null),
      }),
      code: t.string({
        nullable: true,
        description: "Stable error code.",
        resolve: ({ result }) => (result instanceof GatewayError ? result.code : null),
      }),
    }),
  });

  const gate = new InFlightGate(ENTRIES_AT_ONCE);
  builder.mutationField("append", (t) => {
    const deviceArg = {
      deviceId: t.arg.string({ description: DEVICE_ARGUMENT }),
    };
    const streamArgs = {
      streamId: t.arg.string({
        required: true,
        description: "Stream id without the device, or the complete name as lists show it.",
      }),
      entries: t.arg({ type: [input], required: true, description: "Entries, in order." }),
    };
    return t.field({
      type: [appended],
      nullable: true,
      description: "Stores small entries in order. The result of a rejected entry contains an error.",
      args: alsoDevice(withDevices, streamArgs, deviceArg),
      async resolve(_root, { streamId, deviceId, entries }, context) {
        const key = await keyOfId(context, "write", streamId, deviceId);
        context.access.limits.useStream(context.visitor, key);
        context.spendEntries(entries.length);
        const given = await context.access.turns.slices.run(newEntries(key, entries));
        const lease = context.access.memory.receive("append", context.visitor);
        await lease.grow(given.reduce((sum, { data }) => sum + data.length, 0));
        const results = await appendInParts(
          context.streams.append,
          given,
          gate,
          accountName(context.visitor),
        ).finally(() => lease.release());
        return results.map((result) => ({ result }));
      },
    });
  });
}

/**
 * Appends entries in order, a part at a time. Redis replies in order, so an append of another client would wait for all of
 * them if they were sent at once.
 */
async function appendInParts(
  append: Append,
  entries: readonly NewEntry[],
  gate: InFlightGate,
  client: string,
): Promise<readonly AppendResult[]> {
  const results: AppendResult[] = [];
  for (let from = 0; from < entries.length; from += ENTRIES_IN_PART) {
    const part = entries.slice(from, from + ENTRIES_IN_PART);
    const found = await gate.run({
      client,
      size: () => part.length,
      send: () => new Promise<readonly AppendResult[]>((resolve) => append(part, resolve)),
    });
    for (const result of found) results.push(result);
  }
  return results;
}

function* newEntries(key: string, entries: readonly EntryInput[]): Generator<void, readonly NewEntry[]> {
  const made: NewEntry[] = [];
  for (const [i, entry] of entries.entries()) {
    made.push(newEntry(key, entry, i));
    if (made.length % ENTRIES_PER_STEP === 0) yield;
  }
  return made;
}

function newEntry(key: string, entry: EntryInput, i: number): NewEntry {
  const fields = fieldsOf(entry.fields, i);
  return { key, id: requestedIdOf(entry.id), data: dataOf(entry, i), ...(fields.size > 0 && { fields }) };
}

function dataOf({ string, json, base64 }: EntryInput, i: number): Uint8Array {
  const members = [string != null && "string", json !== undefined && "json", base64 != null && "base64"];
  const given = members.filter(Boolean);
  if (given.length !== 1)
    throw badParameter(
      `entries[${i}]`,
      `must have its payload in exactly one of string, json and base64, got ${given.join(" and ") || "none"}`,
    );
  if (string != null) return bytesOfText(string);
  if (base64 == null) return bytesOfText(unmarkNumbers(JSON.stringify(json)));
  const bytes = decodeBase64(base64);
  if (bytes === undefined)
    throw badParameter(`entries[${i}].base64`, `must be valid base64, got ${shown(base64)}`);
  return bytes;
}

/** Parses the fields of an entry: an object of strings, or of lists of strings, which repeat a field. */
function fieldsOf(value: unknown, i: number): EntryFields {
  if (value === undefined || value === null) return new Map();
  const members = typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [["d", ""]];
  return new Map(
    members.map(([name = "", one]) => {
      const values: unknown = Array.isArray(one) && one.length > 0 ? one : [one];
      if (name === "d" || !isTexts(values))
        throw badParameter(
          `entries[${i}].fields`,
          `must be an object of strings, or lists of strings, without "d", the name of the payload, got ${shown(value)}`,
        );
      const [only, ...others] = values.map(bytesOfText);
      return [name, only !== undefined && others.length === 0 ? only : values.map(bytesOfText)];
    }),
  );
}

const isTexts = (values: unknown): values is readonly string[] =>
  Array.isArray(values) && values.every((one) => typeof one === "string");
