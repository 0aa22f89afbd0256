/** `info`: everything that is known about one stream. */

import { pathSegment } from "../../client/gateway/address.ts";
import { namingQuery } from "../../client/gateway/gateway.ts";
import { execute, isObject, type JsonObject, objectsOf } from "../../client/gateway/graphql.ts";
import { request } from "../../client/gateway/request.ts";
import type { PulledEntry, Streamer, StreamInfo } from "../../client/index.ts";
import { isoTime } from "../../src/domain/streams/entry-id.ts";
import type { CommandRow } from "../command.ts";
import { openGateway, openStreamer } from "../connection.ts";
import { CommandError } from "../exit-codes.ts";
import { JSON_OUTPUT, NAMING, type NamingFlags } from "../options.ts";
import { entryJson } from "../output/entry-json.ts";
import { entryLine } from "../output/entry-text.ts";
import { oneLine } from "../output/payload-text.ts";
import { ageText, countText, sizeText } from "../output/quantities.ts";

interface Flags extends NamingFlags {
  readonly json?: true;
}

/** The command. */
export const info: CommandRow = {
  name: "info",
  group: "Streams",
  summary: "show metadata, first and last entry, groups, retention",
  details:
    "show a stream: its metadata, first and last entry, consumer groups, retention, and what Redis reports",
  arguments: [{ name: "<stream>", doc: "stream", kind: "stream" }],
  options: [...NAMING, JSON_OUTPUT],
  async run({ terminal, signal }, [stream]: [string], flags: Flags) {
    const found = await describe(stream, flags, signal);
    const lines = flags.json ? [jsonOf(found)] : textOf(found);
    for (const line of lines) await terminal.print(line);
  },
};

/** Everything that is shown about a stream. */
interface Description {
  readonly stream: StreamInfo;
  /** Fields that Redis reports, by name. */
  readonly redis: JsonObject;
  readonly groups: readonly JsonObject[];
  readonly first: PulledEntry | undefined;
  readonly last: PulledEntry | undefined;
}

const REDIS_FIELDS =
  "entriesAdded groups lastGeneratedId maxDeletedEntryId recordedFirstEntryId radixTreeKeys radixTreeNodes";

/** @throws CommandError if the stream does not exist, StreamerError */
async function describe(name: string, flags: Flags, signal: AbortSignal): Promise<Description> {
  const { device, prefix } = flags;
  const gateway = openGateway(flags);
  const streamer = openStreamer(flags);
  const plain = `${prefix ?? ""}${name}`;
  const key = device === "" ? plain : `${device ?? "default"}:${plain}`;
  // Without device prefixes, the key is the name.
  const stream = (await findStream(streamer, key, signal)) ?? (await findStream(streamer, plain, signal));
  if (stream === undefined) throw new CommandError(`no such stream: ${oneLine(key)}`);
  const query = `query($id: String!) { stream(id: $id) { ${REDIS_FIELDS} } }`;
  const edge = async (reverse: boolean) => {
    const range = { device, prefix, signal, reverse, count: 1, pattern: false };
    for await (const entry of streamer.entries(name, range)) return entry;
    return undefined;
  };
  const url = gateway.address.http(`data/${pathSegment([name])}/work`, {
    pattern: false,
    ...namingQuery({ device, prefix }),
  });
  const [{ stream: redis }, first, last, groups] = await Promise.all([
    execute(gateway, query, { id: stream.key }, signal),
    edge(false),
    edge(true),
    stream.length === 0 ? [] : request(gateway, url, { signal }).then(({ body }) => listOf(body)),
  ]);
  return { stream, redis: isObject(redis) ? redis : {}, groups, first, last };
}

/** Maximum length of a pattern (docs/protocol.md). */
const MAX_PATTERN = 256;

/** Returns the stream with a key; undefined if it does not exist. @throws StreamerError */
async function findStream(
  streamer: Streamer,
  key: string,
  signal: AbortSignal,
): Promise<StreamInfo | undefined> {
  const match = escapeGlob(key);
  // A key may be longer than a pattern.
  const all = await streamer.streams({ signal, ...(match.length <= MAX_PATTERN && { match }) });
  return all.find((one) => one.key === key);
}

/** Escapes the characters that Redis patterns give a meaning. */
const escapeGlob = (text: string): string => text.replace(/[*?[\]\\]/g, "\\$&");

const listOf = (body: Uint8Array): readonly JsonObject[] =>
  objectsOf(JSON.parse(new TextDecoder().decode(body)));

function jsonOf({ stream, redis, groups, first, last }: Description): string {
  const head = JSON.stringify({ ...stream, redis, consumerGroups: groups });
  const edges = [first && `"first":${entryJson(first)}`, last && `"last":${entryJson(last)}`];
  return `${[head.slice(0, -1), ...edges.filter((one) => one !== undefined)].join(",")}}`;
}

function textOf({ stream, redis, groups, first, last }: Description): string[] {
  const keptMs = first && last ? last.timeMs - first.timeMs : 0;
  const rows: [string, string][] = [
    ["key", oneLine(stream.key)],
    ["entries", countText(stream.length)],
    ["added", stream.added === 0 && stream.length > 0 ? "unknown (Redis before 7)" : countText(stream.added)],
    ["kept", `${ageText(keptMs)}, newest ${last ? `${ageText(Date.now() - last.timeMs)} old` : "none"}`],
    ["retention", retentionText(stream.meta)],
    ["metadata", oneLine(JSON.stringify(stream.meta))],
    ["first", first === undefined ? "none" : entryText(first)],
    ["last", last === undefined ? "none" : `${entryText(last)} (${sizeText(stream.lastBytes)})`],
    ...Object.entries(redis).map(([name, value]): [string, string] => [name, String(value)]),
    ...groups.map((group): [string, string] => [
      `group ${oneLine(String(group.group))}`,
      `lag ${group.lag ?? "unknown"}, pending ${group.pending}, consumers ${group.consumers}, delivered ${group.last_delivered}`,
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

const entryText = (entry: PulledEntry): string =>
  `${isoTime(entry.timeMs) ?? entry.id}  ${entryLine(entry)}`.slice(0, 400);

function retentionText(meta: unknown): string {
  const limits = isObject(meta)
    ? ["maxEntries", "maxAge", "maxBytes"]
        .filter((name) => name in meta)
        .map((name) => `${name} ${meta[name]}`)
    : [];
  return limits.length === 0 ? "defaults of the gateway" : limits.join(", ");
}
