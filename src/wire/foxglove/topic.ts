/** Topics: the names of channels. Stream `imu` of device `rover`, which has the key `rover:imu`, is topic `/rover/imu`. */

/** Returns the topic of a stream key. The first colon ends the device. A key without a colon has no device. */
export const topicOf = (key: string): string => `/${key.replace(":", "/")}`;

/** Returns the stream key of a topic: its part up to the second slash is the device. Undefined if it has no name. */
export function keyOfTopic(topic: string): string | undefined {
  const name = topic.startsWith("/") ? topic.slice(1) : topic;
  return name === "" ? undefined : name.replace("/", ":");
}
