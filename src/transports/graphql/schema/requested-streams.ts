/**
 * Resolves the streams of a subscription: names, as everywhere (`stream-ids.ts`), and patterns. Without a device, a pattern
 * with a colon is matched with whole keys, any other belongs to the default device.
 */

import { badParameter } from "../../../domain/errors.ts";
import { parseCursor, type RequestedCursor } from "../../../domain/streams/cursor.ts";
import { maxKeyBytes, withoutRepeats } from "../../../domain/streams/stream-name.ts";
import {
  type KeyPattern,
  type StreamSelection,
  selectStreams,
} from "../../../domain/streams/stream-selection.ts";
import type { RequestedStreams, WantedPattern, WantedStream } from "../../request/streams.ts";
import type { OperationContext } from "../execution/context.ts";
import { fewNames, NAMES } from "./names.ts";
import { keysOfIds } from "./stream-ids.ts";

/** Arguments that select streams. */
export interface RequestedIds {
  /** One name, a list of names, or an object from name to the last entry id seen. */
  readonly streamIds?: unknown;
  readonly device?: string | null | undefined;
  readonly pattern?: boolean | null | undefined;
  readonly exclude?: readonly string[] | null | undefined;
}

/** Returns the streams with their cursors. @throws GatewayError BAD_PARAMETER or FORBIDDEN */
export async function requestedStreams(
  context: OperationContext,
  { streamIds, device, pattern, exclude }: RequestedIds,
): Promise<RequestedStreams> {
  const pairs = pairsOf(streamIds);
  if (pairs === undefined || pairs.length === 0)
    throw badParameter("streamIds", "must be a list of names, or an object from name to last entry id");
  const names = fewNames(
    context,
    "streamIds",
    pairs.map(([name]) => name),
  );
  const cursors = new Map(
    pairs.map(([name, cursor]) => [name, parseCursor(cursor, `streamIds.${name.slice(0, 60)}`)]),
  );
  const isLiteral = pattern === false;
  const select = (ids: readonly string[], ofDevice: string | undefined): StreamSelection =>
    selectStreams({
      noDevicePrefix: context.config.noDevicePrefix,
      // An id may be a whole key.
      maxNameBytes: maxKeyBytes(context.config.maxNameBytes),
      names: NAMES,
      ...{ ids, isLiteral, device: ofDevice, prefix: "" },
      exclude: fewNames(context, "exclude", exclude ?? []),
    });
  const isWhole = (name: string) =>
    !isLiteral && device == null && !context.config.noDevicePrefix && /[*].*:|:.*[*]/.test(name);
  const [whole, others] = [names.filter(isWhole), names.filter((name) => !isWhole(name))];
  const selections = [
    ...(whole.length > 0 ? [{ given: whole, ...select(whole, "") }] : []),
    ...(others.length > 0 ? [{ given: others, ...select(others, device ?? undefined) }] : []),
  ];
  const patterns = selections.flatMap((one) =>
    one.pattern ? [cursorPattern(one.pattern, one.given, cursors)] : [],
  );
  const named = selections.flatMap((one) => one.named.map(({ position }) => one.given[position] ?? ""));
  return {
    named: await namedStreams(context, named, cursors, device),
    pattern: patterns.length === 0 ? undefined : joinPatterns(patterns),
  };
}

async function namedStreams(
  context: OperationContext,
  names: readonly string[],
  cursors: ReadonlyMap<string, RequestedCursor>,
  device: string | null | undefined,
): Promise<readonly WantedStream[]> {
  const keys = await keysOfIds(context, "read", names, device);
  const streams = names.map((name, i) => ({ key: keys[i] ?? "", name, cursor: cursors.get(name) ?? "$" }));
  // Two ids can mean one key, such as "camera" and "default:camera". It is read once, under the first id.
  return streams.filter(({ key }, i) => keys.indexOf(key) === i);
}

/** Adds cursors to the streams of a pattern: that of the stream's own name, or that of the pattern. */
function cursorPattern(
  { prefixes, select }: KeyPattern,
  ids: readonly string[],
  cursors: ReadonlyMap<string, RequestedCursor>,
): WantedPattern {
  return {
    prefixes,
    select(key) {
      const stream = select(key);
      if (stream === undefined) return undefined;
      const { name, position } = stream;
      return { key, name, cursor: cursors.get(name) ?? cursors.get(ids[position] ?? "") ?? "$" };
    },
  };
}

const joinPatterns = (patterns: readonly WantedPattern[]): WantedPattern => ({
  prefixes: withoutRepeats(patterns.flatMap(({ prefixes }) => prefixes)),
  select(key) {
    for (const pattern of patterns) {
      const stream = pattern.select(key);
      if (stream !== undefined) return stream;
    }
    return undefined;
  },
});

function pairsOf(value: unknown): (readonly [name: string, cursor: string])[] | undefined {
  if (typeof value === "string") return [[value, "$"]];
  if (Array.isArray(value)) {
    if (!value.every((name) => typeof name === "string")) return undefined;
    return withoutRepeats(value).map((name) => [name, "$"]);
  }
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).map(([name, cursor]) => [name, String(cursor ?? "$")]);
}
