/** GraphQL types of entries and history pages: a connection whose cursors are entry ids. */

import type { GraphQLResolveInfo } from "graphql";
import { badParameter } from "../../../domain/errors.ts";
import { parseBound } from "../../../domain/streams/cursor.ts";
import { bytesOf, type Entry, type EntryFields } from "../../../domain/streams/entry.ts";
import {
  type EntryId,
  earlierId,
  FIRST_ID,
  idAfter,
  idBefore,
  LAST_ID,
  laterId,
  parseId,
} from "../../../domain/streams/entry-id.ts";
import { textOf } from "../../../wire/utf8.ts";
import { countOut } from "../../response/entries-sent.ts";
import type { OperationContext } from "../execution/context.ts";
import type { WorkBudget } from "../execution/limits/work-budget.ts";
import { countFields } from "../execution/selection.ts";
import type { Builder } from "./builder.ts";
import { base64Of, jsonOf, stringOf, timeText } from "./payload.ts";

/** Arguments of a page. */
export interface PageArguments {
  readonly start?: string | null | undefined;
  readonly end?: string | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly reverse?: boolean | null | undefined;
}

/** A page of a stream's history. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

const DEFAULT_FIRST = 100;

/** Reads one page. @throws GatewayError if an argument is invalid or Redis does not reply */
export async function readPage(
  { streams: { streamReader }, observe: { streamClasses }, config, payloads, spendEntries }: OperationContext,
  key: string,
  args: PageArguments,
): Promise<EntryPage> {
  const first = args.first ?? DEFAULT_FIRST;
  if (!(first >= 1 && first <= config.maxBatchEntries))
    throw badParameter("first", `must be an integer between 1 and ${config.maxBatchEntries}, got ${first}`);
  spendEntries(first);
  const reverse = args.reverse ?? false;
  let start = parseBound("start", args.start ?? "-");
  let end = parseBound("end", args.end ?? "+");
  if (args.after != null) {
    const beyond = beyondCursor(args.after, reverse);
    if (beyond === undefined) return { entries: [], hasNext: false, hasPrevious: true };
    if (reverse) end = earlierId(beyond, end);
    else start = laterId(beyond, start);
  }
  // Requests one entry more than the page holds, to find out whether a next page exists.
  const range = { start, end, count: first + 1, reverse };
  const found = await payloads.gather(
    streamReader.expectedBytes(key, first + 1),
    (among) => streamReader.readRange(key, range, among),
    ({ entries }) => entries,
  );
  const entries = found.entries.slice(0, first);
  countOut(streamClasses, key, entries);
  return {
    entries,
    hasNext: found.isCut || found.entries.length > first,
    hasPrevious: args.after != null,
  };
}

/** Returns the id after a cursor in reading direction; undefined at the end of the id range. */
function beyondCursor(after: string, reverse: boolean): EntryId | undefined {
  const cursor = parseId(after);
  if (cursor === undefined) throw badParameter("after", `must be an entry id, got "${after.slice(0, 60)}"`);
  if (reverse) return cursor === FIRST_ID ? undefined : idBefore(cursor);
  return cursor === LAST_ID ? undefined : idAfter(cursor);
}

/** Passes the entries of a page to the executor. */
const listEntries = ({ entries }: EntryPage, { work }: OperationContext, info: GraphQLResolveInfo) =>
  work.list(entries, countFields(info), bytesOf(entries));

/** Adds the types of entries and pages. */
export function addEntries(builder: Builder) {
  const entry = addEntryType(builder);
  return { entry, connection: addConnectionType(builder, entry) };
}

function addEntryType(builder: Builder) {
  return builder.objectRef<Entry>("Entry").implement({
    description: "Entry of a stream.",
    fields: (t) => ({
      id: t.exposeString("id", { description: "Entry id, `<milliseconds>-<sequence>`." }),
      time: t.string({
        nullable: true,
        description: "Time of the entry id in UTC, as ISO 8601 or in `format`.",
        args: { format: t.arg.string({ description: FORMAT_DESCRIPTION }) },
        resolve: ({ id }, { format }) => timeText(id, format),
      }),
      data: t.string({
        description: "Payload in base64.",
        nullable: true,
        resolve: ({ data }, _args, { payloads, work }) => payloads.show(base64Of(data, work)),
      }),
      string: t.string({
        nullable: true,
        description: "Payload as text; null with a field error if it is not UTF-8.",
        resolve: ({ data }, _args, { payloads, work }) => payloads.show(stringOf(data, work)),
      }),
      json: t.field({
        type: "JSON",
        nullable: true,
        description: "Payload as JSON; null with a field error if it is not valid JSON.",
        resolve: ({ data }, _args, { work }) => jsonOf(data, work),
      }),
      fields: t.field({
        type: "JSON",
        nullable: true,
        description: FIELDS_DESCRIPTION,
        resolve: ({ fields }, _args, { work }) => fieldsJson(fields, work),
      }),
    }),
  });
}

function addConnectionType(builder: Builder, entry: ReturnType<typeof addEntryType>) {
  const edge = builder.objectRef<Entry>("EntryEdge").implement({
    description: "An entry and its cursor.",
    fields: (t) => ({
      cursor: t.exposeString("id", { description: "Entry id, for use in `after`." }),
      node: t.field({ type: entry, description: "The entry.", resolve: (one) => one }),
    }),
  });

  const pageInfo = builder.objectRef<EntryPage>("PageInfo").implement({
    description: "Position of a page in the history.",
    fields: (t) => ({
      hasNextPage: t.exposeBoolean("hasNext", { description: "Whether more entries follow." }),
      hasPreviousPage: t.exposeBoolean("hasPrevious", {
        description: "Whether the page started after a cursor.",
      }),
      startCursor: t.string({
        nullable: true,
        description: "Id of the first entry; null on an empty page.",
        resolve: ({ entries }) => entries[0]?.id,
      }),
      endCursor: t.string({
        nullable: true,
        description: "Id of the last entry, for `after` of the next page; null on an empty page.",
        resolve: ({ entries }) => entries.at(-1)?.id,
      }),
    }),
  });

  return builder.objectRef<EntryPage>("EntryConnection").implement({
    description: "A page of a stream's history.",
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: "Entries with their cursors.",
        resolve: (page, _args, context, info) => listEntries(page, context, info),
      }),
      nodes: t.field({
        type: [entry],
        description: "Entries of the page.",
        resolve: (page, _args, context, info) => listEntries(page, context, info),
      }),
      pageInfo: t.field({
        type: pageInfo,
        description: "Position of the page in the history.",
        resolve: (page) => page,
      }),
    }),
  });
}

/** Description of a field that shows an entry's fields. */
export const FIELDS_DESCRIPTION =
  'Fields besides the payload. A value is a string if it is UTF-8, else `{"base64": "…"}`. A repeated field is a list.';

/** Returns fields as JSON, by name. */
export const fieldsJson = (fields: EntryFields | undefined, work: WorkBudget): object =>
  Object.fromEntries(
    [...(fields ?? [])].map(([name, value]) => [
      name,
      value instanceof Uint8Array ? shownValue(value, work) : value.map((one) => shownValue(one, work)),
    ]),
  );

const shownValue = (value: Uint8Array, work: WorkBudget) =>
  textOf(value) ?? { base64: base64Of(value, work) };

type EntryTypes = ReturnType<typeof addEntries>;

/** GraphQL type of an entry. */
export type EntryRef = EntryTypes["entry"];

/** GraphQL type of a page. */
export type ConnectionRef = EntryTypes["connection"];

/** Description of a `format` argument. */
export const FORMAT_DESCRIPTION = "Time format of strftime(3), such as `%Y-%m-%d %H:%M:%S`, in UTC.";
