/** Loads the streams of a query: one round trip for each list, and only the data that the selected fields need. */

import type { GraphQLResolveInfo } from "graphql";
import { authorize, may } from "../../../access/identity/authorize.ts";
import { accountName } from "../../../access/limits/limits.ts";
import { GatewayError } from "../../../domain/errors.ts";
import { bytesOf, type Entry } from "../../../domain/streams/entry.ts";
import { DEFAULT_DEVICE } from "../../../domain/streams/stream-name.ts";
import type { DetailDepth, EdgeEntry } from "../../../redis/registry/details/stream-info.ts";
import type { StreamRecord, WantedRecord } from "../../../redis/registry/details/stream-records.ts";
import { devicePrefix } from "../schema/names.ts";
import { NO_META } from "../schema/parsed-meta.ts";
import type { LoadedMeta } from "../schema/payload.ts";
import type { OperationContext } from "./context.ts";
import { loadMetas, META_FIELDS } from "./load-metas.ts";
import { countFields } from "./selection.ts";

/** Stream as passed to the resolvers of its fields. */
export interface StreamNode {
  /** Name shown to the client. */
  readonly id: string;
  readonly key: string;
  readonly record: StreamRecord;
  readonly meta: LoadedMeta;
}

/** Key of a stream and the name shown to the client. */
export interface NamedKey {
  readonly id: string;
  readonly key: string;
}

const PAYLOAD_FIELD = /^(first|last)Entry(Data|String|Json|Fields)$/;
const FREE_FIELDS: ReadonlySet<string> = new Set([
  ...["__typename", "id", "streamId", "sid", "entries"],
  ...META_FIELDS,
]);

/** Data that selected fields need. */
type WantedFields = Omit<WantedRecord, "client" | "isWanted">;

/** Returns the data that the selected fields of a stream need. */
export function wantedRecord(fields: ReadonlySet<string>): WantedFields {
  const meta = META_FIELDS.some((field) => fields.has(field));
  const costly = [...fields].filter((field) => !FREE_FIELDS.has(field));
  if (costly.length === 0) return { meta };
  const depth: DetailDepth = costly.some((field) => PAYLOAD_FIELD.test(field))
    ? "payloads"
    : costly.every((field) => field === "length")
      ? "length"
      : "facts";
  return { meta, depth };
}

/** Loads streams by key. */
export async function loadStreams(
  context: OperationContext,
  streams: readonly NamedKey[],
  fields: ReadonlySet<string>,
): Promise<readonly StreamNode[]> {
  const keys = streams.map(({ key }) => key);
  const wanted = wantedRecord(fields);
  const records = await loadRecords(context, keys, wanted);
  const metas = wanted.meta ? await loadMetas(context, keys, records, fields) : [];
  return streams.map(({ id, key }, i) => ({
    id,
    key,
    record: records[i] ?? NOTHING_KNOWN,
    meta: metas[i] ?? NO_META,
  }));
}

/** Passes loaded streams to the executor, within the work budget. */
export const listStreams = (
  { work }: OperationContext,
  streams: readonly StreamNode[],
  info: GraphQLResolveInfo,
) => work.list(streams, countFields(info), bytesOf(edgeEntries(streams.map(({ record }) => record))));

/** Number of names in a list that cost as much as resolving one field. */
const NAMES_PER_FIELD = 10;

/** Passes names to the executor, within the work budget. */
export const listNames = ({ work }: OperationContext, names: readonly string[]) =>
  work.list(names, 1 / NAMES_PER_FIELD);

/** Memory of the facts about a stream, and of the result's object for it. */
const RECORD_BYTES = 1024;

/** Payloads up to this size (bytes) are always loaded in the first round trip. */
const SMALL_BYTES = 1024;

/** Loads all records in one round trip, when there is memory for them. Large payloads are omitted from it and loaded a few at a time afterwards. */
async function loadRecords(
  {
    streams: { registry, streamReader },
    payloads,
    work: { maxPayloadBytes },
    visitor,
    lease,
  }: OperationContext,
  keys: readonly string[],
  fields: WantedFields,
): Promise<readonly StreamRecord[]> {
  const wanted = { ...fields, client: accountName(visitor), isWanted: () => !lease.isReleased() };
  await payloads.hold(keys.length * RECORD_BYTES);
  if (wanted.depth !== "payloads") return registry.streams(keys, wanted);
  const { stepBytes } = payloads;
  // Each stream contributes its first and its last entry.
  const payloadBytes = Math.max(SMALL_BYTES, Math.floor(stepBytes / 2 / keys.length));
  const read = () => registry.streams(keys, { ...wanted, payloadBytes });
  const expected = keys.reduce(
    (sum, key) => sum + 2 * Math.min(payloadBytes, streamReader.expectedBytes(key, 1)),
    0,
  );
  const small = await unlessTooLarge(payloads.gather(Math.min(stepBytes, expected), read, edgeEntries));
  // If the budget for payloads is used up, only the payload fields are errors.
  if (small === undefined) return registry.streams(keys, { ...wanted, depth: "facts" });
  const records = [...small];
  for (const step of stepsOfLarge(records, stepBytes, maxPayloadBytes)) {
    const leftOut = step.reduce((sum, i) => sum + leftOutOf(records[i], maxPayloadBytes), 0);
    const some = step.map((i) => keys[i] ?? "");
    const readLarge = () => registry.streams(some, { ...wanted, meta: false, payloadBytes: maxPayloadBytes });
    const found = await unlessTooLarge(payloads.gather(Math.max(stepBytes, leftOut), readLarge, edgeEntries));
    if (found === undefined) break;
    step.forEach((i, at) => {
      records[i] = { details: found[at]?.details, meta: records[i]?.meta };
    });
  }
  return records;
}

/** Returns undefined instead of failing if the budget for payloads is used up. */
async function unlessTooLarge<T>(gathering: Promise<T>): Promise<T | undefined> {
  try {
    return await gathering;
  } catch (error) {
    if (error instanceof GatewayError && error.code === "TOO_LARGE") return undefined;
    throw error;
  }
}

/** Groups streams with omitted payloads that fit into a field: about `stepBytes` per group, and at least one stream. */
function stepsOfLarge(
  records: readonly StreamRecord[],
  stepBytes: number,
  maxPayloadBytes: number,
): readonly (readonly number[])[] {
  const steps: number[][] = [];
  let room = 0;
  records.forEach(({ details }, i) => {
    const leftOut = leftOutOf({ details }, maxPayloadBytes);
    if (leftOut === 0) return;
    if (leftOut > room) {
      steps.push([]);
      room = stepBytes;
    }
    steps.at(-1)?.push(i);
    room -= leftOut;
  });
  return steps;
}

/** Returns the bytes of a stream's omitted payloads that fit into a field. */
function leftOutOf(record: Pick<StreamRecord, "details"> | undefined, maxPayloadBytes: number): number {
  const fitting = (edge: EdgeEntry | undefined) =>
    edge === undefined || edge.entry !== undefined || edge.bytes > maxPayloadBytes ? 0 : edge.bytes;
  return fitting(record?.details?.first) + fitting(record?.details?.last);
}

function edgeEntries(records: readonly StreamRecord[]): readonly Entry[] {
  const entries: Entry[] = [];
  for (const { details } of records) {
    if (details?.first?.entry !== undefined) entries.push(details.first.entry);
    if (details?.last?.entry !== undefined) entries.push(details.last.entry);
  }
  return entries;
}

const NOTHING_KNOWN: StreamRecord = { details: undefined, meta: undefined };

/**
 * Loads streams by name, where the client gave no device. A name is looked up as a key first, then as a stream of the
 * default device.
 */
export async function loadNamedStreams(
  context: OperationContext,
  names: readonly string[],
  fields: ReadonlySet<string>,
): Promise<readonly StreamNode[]> {
  const { config } = context;
  const { depth = "facts" } = wantedRecord(fields);
  const prefix = devicePrefix(context, DEFAULT_DEVICE);
  const keys = config.noDevicePrefix ? names : names.flatMap((name) => [name, prefix + name]);
  const wanted = { meta: true, depth: depth === "length" ? "facts" : depth } as const;
  const records = await loadRecords(context, keys, wanted);
  const perName = keys.length / Math.max(1, names.length);
  const { identity } = context.visitor;
  const found = names.map((id, i) => {
    const at = i * perName;
    // Does not reveal whether a key exists that the client may not read. The default device is checked separately.
    if (perName > 1 && !may(identity, "read", id) && may(identity, "read", prefix + id))
      return { id, key: prefix + id, record: records[at + 1] ?? NOTHING_KNOWN };
    authorize(identity, "read", [id]);
    const own = { id, key: id, record: records[at] ?? NOTHING_KNOWN };
    const ofDefault = perName > 1 ? records[at + 1] : undefined;
    const mayDefault = may(identity, "read", prefix + id);
    return mayDefault && !isKnown(own.record) && ofDefault !== undefined && isKnown(ofDefault)
      ? { id, key: prefix + id, record: ofDefault }
      : own;
  });
  // Metadata is read in any case, because it shows whether a stream exists.
  const isMetaWanted = META_FIELDS.some((field) => fields.has(field));
  const metas = isMetaWanted
    ? await loadMetas(
        context,
        found.map(({ key }) => key),
        found.map(({ record }) => record),
        fields,
      )
    : [];
  return found.map((one, i) => ({ ...one, meta: metas[i] ?? NO_META }));
}

const isKnown = ({ details, meta }: StreamRecord): boolean => meta !== undefined || details?.error === "";
