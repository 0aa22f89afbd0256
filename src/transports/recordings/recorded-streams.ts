/** Streams of a recording, and the permissions to read them. */
import type { Identity } from "../../access/identity/authorize.ts";
import { visitorOf } from "../../access/owner.ts";
import { checkCount } from "../../domain/streams/stream-name.ts";
import type { RecordingOwner } from "../../recordings/recording-record.ts";
import type { RecordingRequest } from "../../recordings/recording-status.ts";
import type { LargeRead, StoredValue } from "../../redis/registry/stored-values.ts";
import type { TransportParts } from "../parts.ts";
import { FileRoom, type SharedRoom } from "../request/file-metas.ts";
import { type OpenStreams, openStreams } from "../request/pattern-streams.ts";
import { type ReadNames, type RequestedStreams, selectRequestedStreams } from "../request/streams.ts";

/** Members of the body that select streams. */
const NAMES: ReadNames = { ids: "streams", device: "device", cursor: "from" };

/** Streams to record, with their metadata by key. */
export interface RecordedStreams extends OpenStreams {
  readonly metas: ReadonlyMap<string, StoredValue>;
  /** Room of the file for metadata. Large ones of `metas` have taken theirs. */
  readonly room: FileRoom;
}

/** Parts that the recordings of a gateway share. */
export interface RecordedParts extends TransportParts {
  /** Room for the metadata of all files that are being written. */
  readonly metaRoom: SharedRoom;
}

/** Opens the streams of a recording with the permissions of its owner. @throws GatewayError */
export async function openRecorded(
  request: RecordingRequest,
  owner: RecordingOwner,
  parts: RecordedParts,
): Promise<RecordedStreams> {
  // Recordings have no address, so those that were started without credentials take turns as one client.
  const visitor = visitorOf({ ...owner, address: "recordings" }, "recordings");
  const streams = await openStreams(requestedStreams(visitor.identity, request, parts), visitor, parts);
  const metas = new Map<string, StoredValue>();
  const opened = { ...streams, metas, room: new FileRoom(parts.metaRoom) };
  try {
    await eachMeta(
      parts,
      streams.streams.map(({ key }) => key),
      { admit: (bytes) => opened.room.take(bytes), onValue: (key, value) => metas.set(key, value) },
    );
    return opened;
  } catch (error) {
    closeRecorded(opened);
    throw error;
  }
}

/** Closes streams that are not recorded. */
export function closeRecorded({ pattern, room }: Pick<RecordedStreams, "pattern" | "room">): void {
  pattern?.close();
  room.close();
}

/** Passes on the metadata of streams, one at a time. @throws GatewayError if Redis is unavailable */
export const eachMeta = (
  { streams: { registry } }: TransportParts,
  keys: readonly string[],
  { admit, onValue }: Pick<LargeRead, "admit" | "onValue">,
): Promise<void> => registry.metas(keys, { client: "recordings", admit, onValue });

/** Returns the streams that a recording selects. @throws GatewayError BAD_PARAMETER or FORBIDDEN */
export function requestedStreams(
  identity: Identity,
  { streams, exclude, device, prefix, from }: RecordingRequest,
  { config }: TransportParts,
): RequestedStreams {
  checkCount(NAMES.ids, streams, config.maxStreams);
  return selectRequestedStreams(
    identity,
    streams,
    {
      ...{ device_id: device, prefix, exclude, pattern: true, last_entry_id: from },
      keep_device_id_in_stream_id: false,
    },
    config,
    NAMES,
  );
}
