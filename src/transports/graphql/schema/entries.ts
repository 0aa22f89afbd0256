/** Entries, and the pages in which a stream's history is read: a connection whose cursors are entry ids. */

import type { GraphQLResolveInfo } from "graphql";
import { parseBound } from "../../../domain/cursor.ts";
import { bytesOf, type Entry, type EntryFields } from "../../../domain/entry.ts";
import {
  compareIds,
  type EntryId,
  FIRST_ID,
  idAfter,
  idBefore,
  LAST_ID,
  parseId,
} from "../../../domain/entry-id.ts";
import { badParameter } from "../../../domain/errors.ts";
import { textOf } from "../../../wire/utf8.ts";
import { countOut } from "../../response/entries-sent.ts";
import type { OperationContext } from "../execution/context.ts";
import { countFields } from "../execution/selection.ts";
import type { WorkBudget } from "../execution/work-budget.ts";
import type { Builder } from "./builder.ts";
import { base64Of, jsonOf, stringOf, timeText } from "./payload.ts";

/** What a page is asked for with. */
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

/** Reads one page. @throws GatewayError where an argument is wrong or Redis does not answer */
export async function readPage(
  { log, limits, payloads, streamClasses, spendEntries }: OperationContext,
  key: string,
  args: PageArguments,
): Promise<EntryPage> {
  const first = args.first ?? DEFAULT_FIRST;
  if (!(first >= 1 && first <= limits.maxBatchEntries))
    throw badParameter("first", `wants a whole number from 1 to ${limits.maxBatchEntries}, not ${first}`);
  spendEntries(first);
  const reverse = args.reverse ?? false;
  let start = parseBound("start", args.start ?? "-");
  let end = parseBound("end", args.end ?? "+");
  if (args.after != null) {
    const beyond = beyondCursor(args.after, reverse);
    if (beyond === undefined) return { entries: [], hasNext: false, hasPrevious: true };
    if (reverse) end = compareIds(beyond, end) < 0 ? beyond : end;
    else start = compareIds(beyond, start) > 0 ? beyond : start;
  }
  // One more than asked for tells whether there is more.
  const range = { start, end, count: first + 1, reverse };
  const found = await payloads.gather(
    log.expectedBytes(key, first + 1),
    (among) => log.readRange(key, range, among),
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

/** The id next to a cursor, on the side that a page goes on; undefined where there can be none. */
function beyondCursor(after: string, reverse: boolean): EntryId | undefined {
  const cursor = parseId(after);
  if (cursor === undefined) throw badParameter("after", `is no entry id: "${after.slice(0, 60)}"`);
  if (reverse) return cursor === FIRST_ID ? undefined : idBefore(cursor);
  return cursor === LAST_ID ? undefined : idAfter(cursor);
}

/** Hands a page's entries to the executor. */
const listEntries = ({ entries }: EntryPage, { work }: OperationContext, info: GraphQLResolveInfo) =>
  work.list(entries, countFields(info), bytesOf(entries));

/** Adds the types. */
export function addEntries(builder: Builder) {
  const entry = builder.objectRef<Entry>("Entry").implement({
    description: "One entry of a stream.",
    fields: (t) => ({
      id: t.exposeString("id", { description: "The entry id, `<milliseconds>-<sequence>`." }),
      time: t.string({
        nullable: true,
        description: "The moment of the id: ISO 8601 with a zone, or in `format`.",
        args: { format: t.arg.string({ description: FORMAT_DESCRIPTION }) },
        resolve: ({ id }, { format }) => timeText(id, format),
      }),
      data: t.string({
        description: "The payload in base64.",
        nullable: true,
        resolve: ({ data }, _args, { payloads, work }) => payloads.show(base64Of(data, work)),
      }),
      string: t.string({
        nullable: true,
        description: "The payload as UTF-8 text; null, with an error beside it, where it is none.",
        resolve: ({ data }, _args, { payloads, work }) => payloads.show(stringOf(data, work)),
      }),
      json: t.field({
        type: "JSON",
        nullable: true,
        description: "The payload as JSON; null, with an error beside it, where it is none.",
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

  const edge = builder.objectRef<Entry>("EntryEdge").implement({
    description: "An entry and the cursor behind it.",
    fields: (t) => ({
      cursor: t.exposeString("id", { description: "The entry's id: `after` goes on behind it." }),
      node: t.field({ type: entry, description: "The entry.", resolve: (one) => one }),
    }),
  });

  const pageInfo = builder.objectRef<EntryPage>("PageInfo").implement({
    description: "Where a page stands.",
    fields: (t) => ({
      hasNextPage: t.exposeBoolean("hasNext", { description: "Whether more entries follow." }),
      hasPreviousPage: t.exposeBoolean("hasPrevious", {
        description: "Whether the page began behind a cursor.",
      }),
      startCursor: t.string({
        nullable: true,
        description: "The first entry's id; null on an empty page.",
        resolve: ({ entries }) => entries[0]?.id,
      }),
      endCursor: t.string({
        nullable: true,
        description: "The last entry's id, for the next page's `after`; null on an empty page.",
        resolve: ({ entries }) => entries.at(-1)?.id,
      }),
    }),
  });

  const connection = builder.objectRef<EntryPage>("EntryConnection").implement({
    description: "A page of a stream's history.",
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: "The entries with their cursors.",
        resolve: (page, _args, context, info) => listEntries(page, context, info),
      }),
      nodes: t.field({
        type: [entry],
        description: "The entries.",
        resolve: (page, _args, context, info) => listEntries(page, context, info),
      }),
      pageInfo: t.field({ type: pageInfo, description: "Where the page stands.", resolve: (page) => page }),
    }),
  });

  return { entry, connection };
}

/** Description of a field that shows an entry's fields. */
export const FIELDS_DESCRIPTION =
  'Fields besides the payload: strings if they are UTF-8, else `{"base64": "…"}`; a repeated field is a list.';

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

/** The type of an entry. */
export type EntryRef = EntryTypes["entry"];

/** The type of a page. */
export type ConnectionRef = EntryTypes["connection"];

/** What the `format` of a time is. */
export const FORMAT_DESCRIPTION = "A format of strftime(3), such as `%Y-%m-%d %H:%M:%S`, in UTC.";
