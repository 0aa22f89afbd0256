/**
 * Topics: the names of channels. Stream `imu` of device `rover`, which has the key `rover:imu`, is topic `/rover/imu`.
 *
 * The first segment is the device, so a slash in a device is written `%2F`, and a percent sign `%25`: the keys `a/b:c` and
 * `a:b/c` are the topics `/a%2Fb/c` and `/a/b/c`. A key without a colon has no device; all of it is the first segment.
 */

/** Returns the topic of a stream key. Different keys have different topics. */
export function topicOf(key: string): string {
  const colon = key.indexOf(":");
  return colon < 0
    ? `/${encodeSegment(key)}`
    : `/${encodeSegment(key.slice(0, colon))}/${key.slice(colon + 1)}`;
}

/**
 * Returns the stream key of a topic; undefined if it has no name.
 *
 * @param device device of a topic with one segment; if absent, its key has no device
 */
export function keyOfTopic(topic: string, device?: string): string | undefined {
  const name = topic.startsWith("/") ? topic.slice(1) : topic;
  const slash = name.indexOf("/");
  if (name === "") return undefined;
  if (slash >= 0) return `${decodeSegment(name.slice(0, slash))}:${name.slice(slash + 1)}`;
  return device === undefined ? decodeSegment(name) : `${device}:${decodeSegment(name)}`;
}

const encodeSegment = (text: string): string => text.replaceAll("%", "%25").replaceAll("/", "%2F");
const decodeSegment = (text: string): string => text.replaceAll("%2F", "/").replaceAll("%25", "%");
