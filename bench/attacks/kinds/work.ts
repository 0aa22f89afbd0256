/** Clients of work queues: they do not read, do not settle, settle entries that they do not hold, or create many groups. */
import { type Attack, BIG_STREAM, type HostileClient, SMALL_STREAM } from "../hostile/attack.ts";
import { text } from "../hostile/frames.ts";

const ANSWER_MS = 5000;
/** Groups are removed with their stream after the run; this many exist at most. */
const GROUPS = 50;

const group = ({ random }: HostileClient) => `hostile-${Math.floor(random.fraction() * GROUPS)}`;

/** Opens a worker, sends it messages, and leaves without a close frame. */
const worker = (
  name: string,
  query: string,
  { messages = () => [], reads = true, stream = SMALL_STREAM }: WorkerMessages = {},
): Attack => ({
  name: `work: ${name}`,
  atMost: 20,
  async run(client) {
    const socket = client.connect();
    socket.write(client.upgrade(`/data/${stream}/work/${group(client)}?from=0&${query}`));
    await socket.received(/\r\n\r\n/, ANSWER_MS);
    if (!reads) socket.stopReading();
    for (const message of messages(client)) socket.write(message);
    await socket.over(ANSWER_MS / 5);
  },
});

interface WorkerMessages {
  readonly messages?: (client: HostileClient) => readonly Buffer[];
  readonly reads?: boolean;
  readonly stream?: string;
}

const ask = (name: string, requests: (client: HostileClient) => string | Buffer): Attack => ({
  name: `work: ${name}`,
  atMost: 20,
  async run(client) {
    const socket = client.connect();
    socket.write(requests(client));
    await socket.received(/^HTTP\/1\.1 [2-5]/, ANSWER_MS);
    await socket.over(200);
  },
});

/** A message that acknowledges ids which the worker does not hold. */
const foreign = (count: number) =>
  text(JSON.stringify({ ack: Array.from({ length: count }, (_, i) => `${i + 1}-0`) }));

/** The attacks of this kind. */
export const WORK: readonly Attack[] = [
  worker("entries that are not read", "permits=1000", { reads: false, stream: BIG_STREAM }),
  worker("JSON of large entries that is not read", "permits=1000&format=json", {
    reads: false,
    stream: BIG_STREAM,
  }),
  worker("entries that are not settled", "permits=1000&ack_wait=100&max_deliver=1000000"),
  worker("confirmations that are not read", "confirm=1", {
    reads: false,
    messages: () => Array.from({ length: 300 }, () => foreign(1000)),
  }),
  worker("acknowledgements of others", "confirm=1", {
    messages: () => Array.from({ length: 50 }, () => foreign(10_000)),
  }),
  worker("permits without end", "permits=0", {
    messages: () => Array.from({ length: 10_000 }, () => text('{"permits":10000}')),
  }),
  worker("messages that are not JSON", "", { messages: () => [text('{"ack":'), text("[".repeat(5000))] }),
  worker("a message of a megabyte", "", { messages: () => [foreign(90_000)] }),
  ask("requests for entries, all at once", (client) =>
    client
      .head(
        "POST",
        `/data/${BIG_STREAM}/work/${group(client)}/next?consumer=h&from=0&count=900&format=json`,
        {
          "Content-Length": 0,
        },
      )
      .repeat(20),
  ),
  ask("waits for entries, all at once", (client) =>
    client
      .head("POST", `/data/hostile-a/work/${group(client)}/next?consumer=h&wait=3600000`, {
        "Content-Length": 0,
      })
      .repeat(5),
  ),
  ask("acknowledgements of 30,000 entries", (client) =>
    client.request(
      "POST",
      `/data/${SMALL_STREAM}/work/${group(client)}?consumer=h`,
      JSON.stringify({ ack: Array.from({ length: 30_000 }, (_, i) => `${i + 1}-0`) }),
    ),
  ),
  ask("lists of groups, again and again", ({ head }) =>
    head("GET", `/data/${SMALL_STREAM}/work`).repeat(200),
  ),
];
