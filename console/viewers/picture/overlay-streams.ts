/** Selects the streams whose shapes are drawn over a picture. */
import { isObject } from "../../../client/gateway/graphql.ts";
import type { ListedStream } from "../../stream-list/listing.ts";

/** Facts about a listed stream that decide. */
export type Candidate = Pick<ListedStream, "key" | "device" | "stream" | "meta">;

/** Whether a stream declares shapes for pictures of its device: `{"view": "boxes", "of": "camera"}` in its metadata. */
export const declaresShapes = (meta: unknown): boolean =>
  isObject(meta) && meta.view === "boxes" && typeof meta.of === "string";

/** Whether a stream declares to be an overlay of another one: `{"view": "boxes", "of": "camera"}` in its metadata. */
export const declaresOverlay = (meta: unknown, of: string): boolean =>
  isObject(meta) && meta.view === "boxes" && meta.of === of;

/** Returns the streams of the same device, those that declare it first. */
export function candidatesOf(streams: readonly Candidate[], key: string): readonly Candidate[] {
  const own = streams.find((stream) => stream.key === key);
  const others = streams.filter((stream) => stream.key !== key && stream.device === own?.device);
  const isDeclared = ({ meta }: Candidate) => declaresOverlay(meta, own?.stream ?? "");
  return [...others.filter(isDeclared), ...others.filter((stream) => !isDeclared(stream))];
}

/** Returns the selected ones of the candidates: those that are chosen, or else those that declare it. */
export function selectedOf(
  streams: readonly Candidate[],
  key: string,
  chosen: readonly string[] | undefined,
): readonly string[] {
  const own = streams.find((stream) => stream.key === key)?.stream ?? "";
  return candidatesOf(streams, key)
    .filter((one) => chosen?.includes(one.key) ?? declaresOverlay(one.meta, own))
    .map((one) => one.key);
}
