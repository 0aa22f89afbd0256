/** Management of JetStream, the storage of NATS: requests to its API are messages whose reply is JSON. */
import { drained } from "../../load/drain.ts";
import { openNats } from "./connection.ts";
import { PAYLOAD_END, publishLine, subscribeLine } from "./protocol.ts";

const REPLY = "_INBOX.jetstream";

/** Behaviour of a stream at its limit: it drops the oldest entry, or rejects the new one. */
export interface JetStreamOptions {
  readonly discard?: "old" | "new";
}

/**
 * Creates a stream with file storage that stores one subject of the same name.
 *
 * @param maxMessages maximum number of entries; -1 for no limit
 */
export async function createJetStream(
  port: number,
  name: string,
  maxMessages: number,
  { discard = "old" }: JetStreamOptions = {},
): Promise<void> {
  await request(port, `STREAM.CREATE.${name}`, {
    name,
    subjects: [name],
    storage: "file",
    retention: "limits",
    discard,
    max_msgs: maxMessages,
    num_replicas: 1,
  });
}

/** Returns the number of entries that a stream has stored since its creation. */
export async function storedInJetStream(port: number, name: string): Promise<number> {
  const info = await request(port, `STREAM.INFO.${name}`, {});
  const stored = (info as { state?: { last_seq?: number } }).state?.last_seq;
  if (typeof stored !== "number") throw new Error("JetStream did not report its state");
  return stored;
}

/** Deletes a stream and its file. */
export async function deleteJetStream(port: number, name: string): Promise<void> {
  await request(port, `STREAM.DELETE.${name}`, {});
}

/** @throws Error if JetStream reports one */
async function request(port: number, operation: string, body: object): Promise<object> {
  const replies: string[] = [];
  const connection = await openNats({
    port,
    wholePayloads: true,
    message: (bytes, start, payloadBytes) => {
      replies.push(bytes.toString("utf8", start, start + payloadBytes));
    },
  });
  try {
    const text = JSON.stringify(body);
    connection.send(
      `${subscribeLine(REPLY, 1)}${publishLine(`$JS.API.${operation}`, REPLY, text.length)}${text}${PAYLOAD_END}`,
    );
    await drained(
      () => {
        connection.check();
        return replies.length > 0;
      },
      () => `JetStream does not answer ${operation}`,
    );
  } finally {
    connection.close();
  }
  const reply: { error?: { description?: string } } = JSON.parse(replies[0] ?? "{}");
  if (reply.error !== undefined) throw new Error(`JetStream: ${operation}: ${reply.error.description}`);
  return reply;
}
