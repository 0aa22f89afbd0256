/** A TCP proxy in front of Redis that simulates network faults: it stalls, drips and cuts connections. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A network, whose state applies to all connections. */
export interface BadNetwork extends AsyncDisposable {
  /** The address of Redis behind it. */
  readonly url: string;
  /** Stops forwarding in both directions without closing; new connections are accepted, and stall, too. */
  stall(): void;
  /** Forwards everything, including stalled bytes. */
  flow(): void;
  /** Forwards single bytes. */
  drip(): void;
  /** Cuts all connections with the bytes in flight. @returns the number of connections */
  cut(): number;
  /**
   * Forwards a number of further bytes of Redis' replies to the gateway's connection with a name, as in `CLIENT LIST`, and
   * then cuts it.
   */
  cutReplies(name: string, afterBytes: number): void;
}

type Weather = "flow" | "stall" | "drip";

/** One direction of a connection. */
interface Way {
  readonly to: Socket;
  waiting: Buffer[];
  /** Bytes that may still pass; then the connection is cut. */
  left: number;
  isDripping: boolean;
}

interface Pair {
  readonly ends: readonly [Socket, Socket];
  readonly ways: readonly [Way, Way];
  name: string | undefined;
}

const NAME = /redis-streamer:(\w+)/;

/** Starts the proxy. @param port of the Redis behind it */
export async function startBadNetwork(port: number): Promise<BadNetwork> {
  const pairs = new Set<Pair>();
  let weather: Weather = "flow";

  function cutPair(pair: Pair): void {
    pairs.delete(pair);
    for (const end of pair.ends) end.destroy();
  }

  /** Sends bytes, up to the number that may pass. */
  function pass(pair: Pair, way: Way, bytes: Buffer): void {
    const passing = bytes.subarray(0, way.left);
    way.left -= passing.length;
    if (passing.length > 0) way.to.write(passing);
    // Written bytes must arrive, so end the connection instead of resetting it.
    if (way.left === 0) way.to.end(() => cutPair(pair));
  }

  function pump(pair: Pair, way: Way): void {
    if (way.isDripping || weather === "stall") return;
    if (weather === "flow") {
      for (const bytes of way.waiting.splice(0)) pass(pair, way, bytes);
      return;
    }
    const [first] = way.waiting;
    if (first === undefined) return;
    way.isDripping = true;
    if (first.length > 1) way.waiting[0] = first.subarray(1);
    else way.waiting.shift();
    pass(pair, way, first.subarray(0, 1));
    setImmediate(() => {
      way.isDripping = false;
      pump(pair, way);
    });
  }

  const proxy = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    const wayTo = (to: Socket): Way => ({
      to,
      waiting: [],
      left: Number.POSITIVE_INFINITY,
      isDripping: false,
    });
    const pair: Pair = { ends: [client, server], ways: [wayTo(server), wayTo(client)], name: undefined };
    pairs.add(pair);
    pair.ends.forEach((from, i) => {
      const way = pair.ways[i];
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        if (from === client) pair.name ??= NAME.exec(bytes.toString("latin1"))?.[1];
        way?.waiting.push(bytes);
        if (way !== undefined) pump(pair, way);
      });
      from.on("error", () => undefined);
      // A stalled connection does not forward the end, either.
      from.on("close", () => weather !== "stall" && cutPair(pair));
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();

  function become(next: Weather): void {
    weather = next;
    for (const pair of pairs) for (const way of pair.ways) pump(pair, way);
  }
  function cut(): number {
    const all = [...pairs];
    all.forEach(cutPair);
    return all.length;
  }

  return {
    url: `redis://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    stall: () => become("stall"),
    flow() {
      become("flow");
      for (const pair of [...pairs]) if (pair.ends.some(({ destroyed }) => destroyed)) cutPair(pair);
    },
    drip: () => become("drip"),
    cut,
    cutReplies(name, afterBytes) {
      for (const pair of pairs) if (pair.name === name) pair.ways[1].left = afterBytes;
    },
    async [Symbol.asyncDispose]() {
      cut();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
