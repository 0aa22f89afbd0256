/** Viewer of another vendor: the client library of Foxglove, over a WebSocket. It waits for messages instead of time. */
import {
  type Channel,
  FoxgloveClient,
  type IWebSocket,
  type MessageData,
  type ServerInfo,
  type StatusMessage,
} from "@foxglove/ws-protocol";
import { WebSocket } from "ws";
import { decodeMessage } from "../data/foxglove.ts";
import { until } from "../until.ts";

/** A received message. */
export interface ReceivedMessage {
  readonly subscriptionId: number;
  /** ns since 1970. */
  readonly time: bigint;
  readonly data: Buffer;
}

/** A connected viewer. */
export interface TestViewer extends AsyncDisposable {
  readonly client: FoxgloveClient;
  readonly raw: WebSocket;
  readonly info: ServerInfo;
  /** Advertised channels, by topic. */
  readonly channels: Map<string, Channel>;
  readonly messages: ReceivedMessage[];
  readonly statuses: StatusMessage[];
  /** Ids of statuses that were removed. */
  readonly removedStatuses: string[];
  /** Times of the protocol message `time`, in ns. */
  readonly times: bigint[];
  /** Problems that the library reports. */
  readonly errors: Error[];
  /** Waits until a channel is advertised. */
  channel(topic: string): Promise<Channel>;
  /** Subscribes to a channel, once it is advertised. @returns the id of the subscription */
  subscribe(topic: string): Promise<number>;
  /** Waits for the messages of a subscription, and returns the first ones. */
  received(subscriptionId: number, count: number): Promise<readonly ReceivedMessage[]>;
  /** The close code and reason of the server. */
  readonly closed: Promise<string>;
}

/** Connects a viewer. @throws Error if the upgrade is rejected */
export async function connectViewer(
  url: string,
  {
    protocols = ["foxglove.sdk.v1"],
    headers = {},
  }: { readonly protocols?: readonly string[]; readonly headers?: Record<string, string> } = {},
): Promise<TestViewer> {
  const raw = new WebSocket(url, [...protocols], { perMessageDeflate: false, headers });
  const client = new FoxgloveClient({ ws: raw as unknown as IWebSocket });
  const channels = new Map<string, Channel>();
  const messages: ReceivedMessage[] = [];
  const statuses: StatusMessage[] = [];
  const removedStatuses: string[] = [];
  const times: bigint[] = [];
  const errors: Error[] = [];
  client.on("advertise", (added) => {
    for (const channel of added) channels.set(channel.topic, channel);
  });
  client.on("unadvertise", (ids) => {
    for (const [topic, { id }] of channels) if (ids.includes(id)) channels.delete(topic);
  });
  client.on("status", (status) => statuses.push(status));
  client.on("removeStatus", ({ statusIds }) => removedStatuses.push(...statusIds));
  client.on("time", ({ timestamp }) => times.push(timestamp));
  client.on("message", ({ subscriptionId, timestamp, data }: MessageData) =>
    messages.push({
      subscriptionId,
      time: timestamp,
      data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    }),
  );
  const closed = new Promise<string>((resolve) => {
    raw.on("close", (code, reason) => resolve(`${code} ${reason.toString()}`));
  });
  const info = await new Promise<ServerInfo>((resolve, reject) => {
    client.on("serverInfo", resolve);
    client.on("error", reject);
    client.on("close", () => reject(new Error("closed before serverInfo")));
  });
  client.on("error", (error) => errors.push(error));
  const channel = async (topic: string): Promise<Channel> => {
    await until(`${topic} is advertised`, () => channels.has(topic));
    const found = channels.get(topic);
    if (found === undefined) throw new Error(`${topic} is not advertised any more`);
    return found;
  };
  return {
    ...{ client, raw, info, channels, messages, statuses, removedStatuses, times, errors, closed, channel },
    subscribe: async (topic) => client.subscribe((await channel(topic)).id),
    async received(subscriptionId, count) {
      const own = () => messages.filter((one) => one.subscriptionId === subscriptionId);
      await until(`${count} messages of subscription ${subscriptionId}`, () => own().length >= count);
      return own().slice(0, count);
    },
    async [Symbol.asyncDispose]() {
      raw.terminate();
      await closed;
    },
  };
}

/** Decodes a message with the schema that its channel advertises. */
export const decoded = ({ encoding, schemaName, schema }: Channel, { data }: ReceivedMessage): unknown =>
  encoding === "protobuf" ? decodeMessage(schemaName, schema, data) : JSON.parse(data.toString());
