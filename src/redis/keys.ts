/** Redis keys of devices, metadata and events (docs/protocol.md, "Names and keys"). */

/** Prefix of metadata keys; the stream key follows. */
export const STREAM_META_PREFIX = ":stream:meta:";

/** Returns the key of a stream's metadata. */
export const streamMetaKey = (streamKey: string): string => `${STREAM_META_PREFIX}${streamKey}`;

/** Returns the key of a device's metadata. */
export const deviceMetaKey = (deviceId: string): string => `:devices:meta:${deviceId}`;

/** The set of devices that are connected now. */
export const DEVICES_CONNECTED = ":devices:connected";

/** The set of devices ever seen. */
export const DEVICES_SEEN = ":devices:seen";

/** Stream of the events that a device connected or disconnected. */
export const EVENT_DEVICE_CONNECTED = ":event:device.connected";

/** The stream of changes to devices' metadata. */
export const EVENT_DEVICE_META = ":event:device.meta";
