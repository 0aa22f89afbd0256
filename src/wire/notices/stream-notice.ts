/**
 * Stream notices: report to clients that request `joins=1` which streams a pattern selects. Their structure differs from
 * every list of entries:
 *
 *     {"streams": [["cam-1", "5-0"]]}         the streams at the start, each with the cursor after which it is read
 *     {"joined": {"stream_id": "cam-2"}}      a stream appeared; it is read from its first entry
 *     {"left": {"stream_id": "cam-1"}}        a stream was deleted, or may no longer be read
 *     {"limit": {"stream_id": "cam-3", "max_streams": 2}}   a stream appeared, and is not read: there are too many
 */
import type { EntryId } from "../../domain/streams/entry-id.ts";

/** A notice as it is encoded. */
export type StreamNotice =
  | { readonly streams: readonly (readonly [stream: string, cursor: EntryId])[] }
  | { readonly joined: { readonly stream_id: string } }
  | { readonly left: { readonly stream_id: string } }
  | { readonly limit: { readonly stream_id: string; readonly max_streams: number } };

/** Decoded notice about the streams of a pattern. */
export type PulledStreamNotice =
  | { readonly streams: ReadonlyMap<string, string> }
  | { readonly joined: string }
  | { readonly left: string }
  | { readonly notJoined: string };

/** Reads a notice. @param member reads a member of the message @returns undefined if it is not a notice */
export function readStreamNotice(member: (name: string) => unknown): PulledStreamNotice | undefined {
  const streams = member("streams");
  if (Array.isArray(streams)) return streamsOf(streams);
  const joined = streamOf(member("joined"));
  if (joined !== undefined) return { joined };
  const left = streamOf(member("left"));
  if (left !== undefined) return { left };
  const notJoined = streamOf(member("limit"));
  return notJoined === undefined ? undefined : { notJoined };
}

function streamsOf(list: readonly unknown[]): PulledStreamNotice | undefined {
  const streams = new Map<string, string>();
  for (const item of list) {
    if (!Array.isArray(item)) return undefined;
    const [stream, cursor]: readonly unknown[] = item;
    if (typeof stream !== "string" || typeof cursor !== "string") return undefined;
    streams.set(stream, cursor);
  }
  return { streams };
}

function streamOf(value: unknown): string | undefined {
  const stream = value instanceof Map ? value.get("stream_id") : undefined;
  return typeof stream === "string" ? stream : undefined;
}
