/** Keys of what is known about devices and streams besides entries (docs/protocol.md, "Names and keys"). */

/** Stands before a stream's key in the key of its metadata. */
export const STREAM_META_PREFIX = ":stream:meta:";

/** Where a stream's metadata is. */
export const streamMetaKey = (streamKey: string): string => `${STREAM_META_PREFIX}${streamKey}`;

/** Where a device's metadata is. */
export const deviceMetaKey = (deviceId: string): string => `:devices:meta:${deviceId}`;

/** The set of devices that are connected now. */
export const DEVICES_CONNECTED = ":devices:connected";

/** The set of devices ever seen. */
export const DEVICES_SEEN = ":devices:seen";

/** The stream of devices that come and go. */
export const EVENT_DEVICE_CONNECTED = ":event:device.connected";

/** The stream of changes to devices' metadata. */
export const EVENT_DEVICE_META = ":event:device.meta";
