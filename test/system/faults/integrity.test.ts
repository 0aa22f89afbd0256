/**
 * Payload integrity: random payloads of 1 B to 3 MB are pushed over every route at once and read by readers of every
 * kind, and compared by SHA-256. The gateway reuses the memory of large messages as soon as it is released, so a
 * buffer that is released too early would show another message's bytes to a
 * reader.
 */
import { createHash, randomBytes, randomInt } from "node:crypto";
import { decode, encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { openAnswer, request } from "../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../support/clients/socket.ts";
import { readEvents } from "../../support/clients/sse.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

/** Streams of the test. One has only readers that finish with an entry immediately, if they are fast. */
const STREAMS = ["camera", "mixed"] as const;
const BATCHES = 10;
const MAX_BYTES = 3_000_000;

const { redis, gateway } = await openOwnGateway({ REDIS_STREAM_MAXLEN: "0" });

const shaOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64");

/** Payload sizes, uniform by logarithm: as many small payloads as large ones. */
function somePayload(): Buffer {
  return randomBytes(Math.ceil(MAX_BYTES ** Math.random()));
}

const somePayloads = (max: number): Buffer[] => Array.from({ length: randomInt(1, max + 1) }, somePayload);

/** Sends a batch. @returns a promise for the next send, and the payloads that were sent */
type Push = () => Promise<readonly Uint8Array[]>;

/** Every way to push. Routes with acks have one batch in flight, the others as many as TCP accepts. */
const PUSHERS: Record<string, (stream: string) => Promise<{ readonly push: Push; close(): Promise<void> }>> =
  {
    "raw with acks": async (stream) => {
      const socket = await connectSocket(`${gateway.ws}/data/${stream}/push?header=0&ack=1`);
      return withSocket(socket, async () => {
        const payload = somePayload();
        socket.send(payload);
        await socket.next();
        return [payload];
      });
    },
    "raw without acks": async (stream) => {
      const socket = await connectSocket(`${gateway.ws}/data/${stream}/push?header=0`);
      return withSocket(socket, async () => {
        const payload = somePayload();
        await sent(socket, payload);
        return [payload];
      });
    },
    "raw in fragments": async (stream) => {
      const socket = await connectSocket(`${gateway.ws}/data/${stream}/push?header=0`);
      return withSocket(socket, async () => {
        const payload = somePayload();
        const cuts = Array.from({ length: randomInt(5) }, () => randomInt(payload.length + 1));
        const ends = [...cuts.sort((a, b) => a - b), payload.length];
        for (const [i, end] of ends.entries())
          await sent(socket, payload.subarray(ends[i - 1] ?? 0, end), i === ends.length - 1);
        return [payload];
      });
    },
    "batches with headers": async (stream) => {
      const socket = await connectSocket(`${gateway.ws}/data/${stream}/push?offsets=end`);
      return withSocket(socket, async () => {
        const payloads = somePayloads(4);
        let end = 0;
        await sent(socket, JSON.stringify(payloads.map(({ length }) => (end += length))));
        await sent(socket, Buffer.concat(payloads));
        return payloads;
      });
    },
    msgpack: async (stream) => {
      const socket = await connectSocket(`${gateway.ws}/data/${stream}/push?format=msgpack`);
      return withSocket(socket, async () => {
        const payloads = somePayloads(4);
        const fields = { large: randomBytes(50_000), small: randomBytes(10) };
        const entries = payloads.map((data, i) =>
          i % 2 === 0 ? [stream, null, data] : [stream, null, data, fields],
        );
        await sent(socket, encode(entries));
        return payloads;
      });
    },
    json: async (stream) => {
      const socket = await connectSocket(`${gateway.ws}/data/${stream}/push?format=json&ack=1`);
      return withSocket(socket, async () => {
        const payloads = somePayloads(2);
        socket.send(
          JSON.stringify(payloads.map((data) => [stream, null, { base64: data.toString("base64") }])),
        );
        await socket.next();
        return payloads;
      });
    },
    POST: async (stream) => ({
      async push() {
        const body = somePayload();
        const { status } = await request(`${gateway.http}/data/${stream}`, {
          method: "POST",
          headers: { "content-type": "application/octet-stream" },
          body,
        });
        expect(status).toBe(200);
        return [body];
      },
      close: async () => undefined,
    }),
  };

const sent = ({ raw }: TestSocket, data: string | Uint8Array, fin = true) =>
  new Promise<void>((resolve, reject) =>
    raw.send(data, { fin, binary: typeof data !== "string" }, (error) => (error ? reject(error) : resolve())),
  );

const withSocket = (socket: TestSocket, push: Push) => ({
  push,
  async close() {
    socket.close();
    expect((await socket.closed).code).toBe(1005);
  },
});

/** The payloads that a reader received, in order. */
interface Seen {
  readonly id: string;
  readonly sha: string;
}

interface Reader {
  readonly seen: readonly Seen[];
  /** Whether the reader receives only the newest entries, in order. */
  readonly isLatest: boolean;
  close(): Promise<void>;
  /** Resolves when the reader has ended; rejects if it failed by itself. */
  readonly ended: Promise<void>;
}

/** Runs a reader until it is closed. @param next returns the next payloads */
function readOn(next: () => Promise<readonly Seen[]>, leave: () => Promise<void>, isLatest = false): Reader {
  const seen: Seen[] = [];
  let isClosing = false;
  async function run(): Promise<void> {
    while (!isClosing) seen.push(...(await next()));
  }
  const ended = run().catch((error: Error) => {
    if (!isClosing) throw error;
  });
  return {
    seen,
    isLatest,
    ended,
    async close() {
      isClosing = true;
      await leave();
      await ended;
    },
  };
}

const pull = (stream: string, query: string) =>
  connectSocket(`${gateway.ws}/data/${stream}/pull?last_entry_id=0&${query}`);
const leave = (socket: TestSocket) => async () => {
  await socket[Symbol.asyncDispose]();
};

async function nextPair(socket: TestSocket): Promise<Seen[]> {
  const { header, payload } = await socket.pair();
  return header.map(([, id, start], i) => ({ id, sha: shaOf(payload.subarray(start, header[i + 1]?.[2])) }));
}

/** Reads with pauses. */
function hesitate({ raw }: TestSocket): () => void {
  const timer = setInterval(() => (raw.isPaused ? raw.resume() : raw.pause()), 60);
  return () => {
    clearInterval(timer);
    raw.resume();
  };
}

const bytesOf = (data: string | { base64: string }) =>
  typeof data === "string" ? Buffer.from(data) : Buffer.from(data.base64, "base64");

/** Every way to read all live entries. */
const FLOWS: Record<string, (stream: string) => Promise<Reader>> = {
  "pairs, one at a time": async (stream) => {
    const socket = await pull(stream, "count=1");
    return readOn(() => nextPair(socket), leave(socket));
  },
  "pairs of many, with pauses": async (stream) => {
    const socket = await pull(stream, "count=50");
    const goOn = hesitate(socket);
    return readOn(
      () => nextPair(socket),
      async () => {
        goOn();
        await leave(socket)();
      },
    );
  },
  msgpack: async (stream) => {
    const socket = await pull(stream, "format=msgpack&count=10");
    const next = async () =>
      (decode((await socket.next()).data) as [string, string, Uint8Array][]).map(([, id, data]) => ({
        id,
        sha: shaOf(data),
      }));
    return readOn(next, leave(socket));
  },
  "json, with pauses": async (stream) => {
    const socket = await pull(stream, "format=json&count=10");
    const goOn = hesitate(socket);
    const next = async () =>
      (JSON.parse(await socket.text()) as [string, string, string | { base64: string }][]).map(
        ([, id, data]) => ({ id, sha: shaOf(bytesOf(data)) }),
      );
    return readOn(next, async () => {
      goOn();
      await leave(socket)();
    });
  },
};

/** Every way to read at the reader's own rate, or from outside the memory of recent batches. */
const READERS: typeof FLOWS = {
  ...FLOWS,
  "acknowledged pairs": async (stream) => {
    const socket = await pull(stream, "count=3&ack=1");
    return readOn(async () => {
      const pair = await nextPair(socket);
      socket.send("");
      return pair;
    }, leave(socket));
  },
  "the latest, now and then": async (stream) => {
    const socket = await pull(stream, "latest=1&max_fps=20&block=0");
    return readOn(() => nextPair(socket), leave(socket), true);
  },
  "server-sent events": async (stream) => {
    const answer = await openAnswer(`${gateway.http}/data/${stream}/events?format=base64&last_entry_id=0`);
    const events = readEvents(answer);
    const next = async () => {
      const event = await events.next();
      if (event === undefined) throw new Error("the events ended");
      return [{ id: event.id, sha: shaOf(Buffer.from(event.data, "base64")) }];
    };
    return readOn(next, async () => answer.leave());
  },
  "GET after GET": async (stream) => {
    let cursor = "0";
    const next = async () => {
      const query = `last_entry_id=${cursor}&count=20&block=100`;
      const { headers, body, status } = await request(`${gateway.http}/data/${stream}?${query}`);
      expect(status).toBe(200);
      cursor = String(headers["x-last-entry-id"]);
      const offsets = JSON.parse(String(headers["x-offsets"])) as [string, string, number][];
      return offsets.map(([, id, start], i) => ({
        id,
        sha: shaOf(body.subarray(start, offsets[i + 1]?.[2])),
      }));
    };
    return readOn(next, async () => undefined);
  },
};

const readersOf = (stream: (typeof STREAMS)[number]) => (stream === "camera" ? FLOWS : READERS);

/** Reads the entries of a stream from Redis. */
async function storedIn(stream: string): Promise<Seen[]> {
  const all = (await redis.control.call("XRANGE", `default:${stream}`, "-", "+")) as [Buffer, Buffer[]][];
  return all.map(([id, fields]) => ({ id: id.toString(), sha: shaOf(fields[1] ?? Buffer.alloc(0)) }));
}

test("delivers every payload of every pusher unchanged to every reader", async () => {
  const readers = new Map<string, Reader>();
  const pushed = new Map<string, string[]>();
  for (const stream of STREAMS) pushed.set(stream, []);
  for (const stream of STREAMS)
    for (const [kind, start] of Object.entries(readersOf(stream)))
      readers.set(`${kind} of ${stream}`, await start(stream));
  // Report a reader's failure when it happens instead of as missing entries.
  const failed = Promise.all([...readers.values()].map(({ ended }) => ended)).then(
    () => new Promise<never>(() => {}),
  );

  const pushing = STREAMS.flatMap((stream) =>
    Object.values(PUSHERS).map(async (start) => {
      const { push, close } = await start(stream);
      for (let i = 0; i < BATCHES; i++) pushed.get(stream)?.push(...(await push()).map(shaOf));
      await close();
    }),
  );
  await Promise.race([Promise.all(pushing), failed]);

  for (const stream of STREAMS) {
    const due = pushed.get(stream) ?? [];
    const isStored = async () => Number(await redis.control.call("XLEN", `default:${stream}`)) === due.length;
    await Promise.race([until("all are stored", isStored, 60_000), failed]);
    const stored = await storedIn(stream);
    expect(stored.map(({ sha }) => sha).sort()).toEqual(due.toSorted());

    for (const kind of Object.keys(readersOf(stream))) {
      const name = `${kind} of ${stream}`;
      const { seen = [], isLatest } = readers.get(name) ?? {};
      const last = stored.at(-1)?.id;
      const hasAll = () => seen.at(-1)?.id === last;
      await Promise.race([until(`${name} has all`, hasAll, 60_000), failed]);
      // The speed of the reader decides which entries are the newest.
      const ids = new Set(seen.map(({ id }) => id));
      expect(seen, name).toEqual(isLatest ? stored.filter(({ id }) => ids.has(id)) : stored);
    }
  }
  await Promise.all([...readers.values()].map((reader) => reader.close()));
}, 180_000);
