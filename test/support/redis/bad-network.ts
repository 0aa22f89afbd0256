/** A TCP proxy in front of Redis that simulates network faults: it stalls, drips and cuts connections. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A network, whose state applies to all connections. */
export interface BadNetwork extends AsyncDisposable {
  /** The address of Redis behind it. */
  readonly url: string;
  /**
   * Stops forwarding in both directions without closing; new connections are accepted, and stall, too.
   *
   * @param name stalls only the gateway's connections with this name, as in `CLIENT LIST`
   */
  stall(name?: string): void;
  /** Forwards everything, including stalled bytes. */
  forward(): void;
  /** Forwards single bytes. */
  drip(): void;
  /** Cuts all connections with the bytes in flight. @returns the number of connections */
  cut(): number;
  /**
   * Forwards a number of further bytes of Redis' replies to the gateway's connection with a name, as in `CLIENT LIST`, and
   * then cuts it. Replies to health probes, which the gateway sends at any time, pass uncounted.
   *
   * @returns the number of connections with that name
   */
  cutReplies(name: string, afterBytes: number): number;
}

type LinkState = "forward" | "stall" | "drip";

/** One direction of a connection. */
interface Direction {
  readonly to: Socket;
  waiting: Buffer[];
  /** Bytes that may still pass; then the connection is cut. */
  left: number;
  isDripping: boolean;
}

interface Pair {
  readonly ends: readonly [Socket, Socket];
  readonly directions: readonly [Direction, Direction];
  name: string | undefined;
}

/** Reply to a health probe. Redis writes it at once, so it arrives in one piece. */
const PONG = Buffer.from("+PONG\r\n");

const NAME = /redis-streamer:(\w+)/;

/** Starts the proxy. @param port of the Redis behind it */
export async function startBadNetwork(port: number): Promise<BadNetwork> {
  const pairs = new Set<Pair>();
  let linkState: LinkState = "forward";
  let stalledName: string | undefined;
  const stateOf = ({ name }: Pair): LinkState =>
    linkState === "stall" && stalledName !== undefined && stalledName !== name ? "forward" : linkState;

  function cutPair(pair: Pair): void {
    pairs.delete(pair);
    for (const end of pair.ends) end.destroy();
  }

  /** Sends bytes, up to the number that may pass. */
  function pass(pair: Pair, direction: Direction, bytes: Buffer): void {
    const pong = Number.isFinite(direction.left) ? bytes.indexOf(PONG) : -1;
    if (pong < 0) {
      passCounted(pair, direction, bytes);
      return;
    }
    if (pong > 0) passCounted(pair, direction, bytes.subarray(0, pong));
    if (direction.left === 0) return;
    direction.to.write(PONG);
    const rest = bytes.subarray(pong + PONG.length);
    if (rest.length > 0) pass(pair, direction, rest);
  }

  function passCounted(pair: Pair, direction: Direction, bytes: Buffer): void {
    const passing = bytes.subarray(0, direction.left);
    direction.left -= passing.length;
    if (passing.length > 0) direction.to.write(passing);
    // Written bytes must arrive, so end the connection instead of resetting it.
    if (direction.left === 0) direction.to.end(() => cutPair(pair));
  }

  function pump(pair: Pair, direction: Direction): void {
    if (direction.isDripping || stateOf(pair) === "stall") return;
    if (stateOf(pair) === "forward") {
      for (const bytes of direction.waiting.splice(0)) pass(pair, direction, bytes);
      return;
    }
    const [first] = direction.waiting;
    if (first === undefined) return;
    direction.isDripping = true;
    if (first.length > 1) direction.waiting[0] = first.subarray(1);
    else direction.waiting.shift();
    pass(pair, direction, first.subarray(0, 1));
    setImmediate(() => {
      direction.isDripping = false;
      pump(pair, direction);
    });
  }

  const proxy = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    const directionTo = (to: Socket): Direction => ({
      to,
      waiting: [],
      left: Number.POSITIVE_INFINITY,
      isDripping: false,
    });
    const pair: Pair = {
      ends: [client, server],
      directions: [directionTo(server), directionTo(client)],
      name: undefined,
    };
    pairs.add(pair);
    pair.ends.forEach((from, i) => {
      const direction = pair.directions[i];
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        if (from === client) pair.name ??= NAME.exec(bytes.toString("latin1"))?.[1];
        direction?.waiting.push(bytes);
        if (direction !== undefined) pump(pair, direction);
      });
      from.on("error", () => undefined);
      // A stalled connection does not forward the end, either.
      from.on("close", () => stateOf(pair) !== "stall" && cutPair(pair));
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();

  function become(next: LinkState): void {
    linkState = next;
    for (const pair of pairs) for (const direction of pair.directions) pump(pair, direction);
  }
  function cut(): number {
    const all = [...pairs];
    all.forEach(cutPair);
    return all.length;
  }

  return {
    url: `redis://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    stall(name) {
      stalledName = name;
      become("stall");
    },
    forward() {
      become("forward");
      for (const pair of [...pairs]) if (pair.ends.some(({ destroyed }) => destroyed)) cutPair(pair);
    },
    drip: () => become("drip"),
    cut,
    cutReplies(name, afterBytes) {
      const named = [...pairs].filter((pair) => pair.name === name);
      for (const pair of named) pair.directions[1].left = afterBytes;
      return named.length;
    },
    async [Symbol.asyncDispose]() {
      cut();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
