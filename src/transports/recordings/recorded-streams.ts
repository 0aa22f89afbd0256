/** Streams of a recording, and the permissions to read them. */
import type { Identity } from "../../access/identity/authorize.ts";
import { identityOf } from "../../access/owner.ts";
import { checkCount } from "../../domain/streams/stream-name.ts";
import type { RecordingOwner } from "../../recordings/recording-record.ts";
import type { RecordingRequest } from "../../recordings/recording-status.ts";
import type { LargeRead, StoredValue } from "../../redis/registry/stored-values.ts";
import type { TransportParts } from "../parts.ts";
import { FileRoom } from "../request/file-metas.ts";
import { type OpenStreams, openStreams } from "../request/pattern-streams.ts";
import { type ReadNames, type RequestedStreams, selectRequestedStreams } from "../request/streams.ts";

/** Members of the body that select streams. */
const NAMES: ReadNames = { ids: "streams", device: "device", cursor: "from" };

/** Streams to record, with their metadata by key. */
export interface RecordedStreams extends OpenStreams {
  readonly metas: ReadonlyMap<string, StoredValue>;
}

/** Opens the streams of a recording with the permissions of its owner. @throws GatewayError */
export async function openRecorded(
  request: RecordingRequest,
  owner: RecordingOwner,
  parts: TransportParts,
): Promise<RecordedStreams> {
  const identity = identityOf(owner);
  const opened = await openStreams(requestedStreams(identity, request, parts), identity, parts);
  try {
    const keys = opened.streams.map(({ key }) => key);
    return { ...opened, metas: await readMetas(parts, keys) };
  } catch (error) {
    opened.pattern?.close();
    throw error;
  }
}

/** Reads as much metadata of streams as a file may have. @throws GatewayError if Redis is unavailable */
async function readMetas(
  parts: TransportParts,
  keys: readonly string[],
): Promise<ReadonlyMap<string, StoredValue>> {
  const metas = new Map<string, StoredValue>();
  const room = new FileRoom();
  await eachMeta(parts, keys, {
    admit: (bytes) => room.take(bytes),
    onValue: (key, value) => metas.set(key, value),
  });
  return metas;
}

/** Passes on the metadata of streams, one at a time. @throws GatewayError if Redis is unavailable */
export const eachMeta = (
  { streams: { registry } }: TransportParts,
  keys: readonly string[],
  { admit = () => true, onValue }: Pick<LargeRead, "onValue"> & Partial<Pick<LargeRead, "admit">>,
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
