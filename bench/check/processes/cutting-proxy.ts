/**
 * TCP proxy that cuts connections at random: after some time, or after some bytes, which is usually inside a message. Each
 * connection leads to the next gateway.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../random.ts";

/** Maximum life of a connection, ms. */
const CONNECTED_MS = 8000;
/** Bytes of the gateway after which a connection is cut. */
const CUT_BYTES = { from: 300, to: 200_000 };

/** Proxy whose connections are cut at random. */
export class CuttingProxy implements Disposable {
  readonly #server: Server;
  readonly #random: Random;
  readonly #nextPort: () => number;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isSettled = false;

  private constructor(random: Random, nextPort: () => number) {
    this.#random = random;
    this.#nextPort = nextPort;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Starts a proxy. @param nextPort returns the port of the gateway for a connection */
  static async start(random: Random, nextPort: () => number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(random, nextPort);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts no further connection. */
  settle(): void {
    this.#isSettled = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.settle();
    this.#server.close();
    this.cut();
  }

  #accept(client: Socket): void {
    const gateway = connect(this.#nextPort(), "127.0.0.1");
    const isTimed = this.#random.fraction() < 0.5;
    let left = isTimed ? Number.POSITIVE_INFINITY : this.#random.between(CUT_BYTES.from, CUT_BYTES.to);
    const end = (): void => {
      client.destroy();
      gateway.destroy();
    };
    if (isTimed && !this.#isSettled) {
      const timer = setTimeout(end, this.#random.between(0, CONNECTED_MS));
      this.#timers.add(timer);
      client.on("close", () => {
        clearTimeout(timer);
        this.#timers.delete(timer);
      });
    }
    gateway.on("data", (data) => {
      const isCut = data.length >= left && !this.#isSettled;
      if (isCut) {
        // The client receives the bytes before the cut.
        gateway.pause();
        client.end(data.subarray(0, left), end);
        return;
      }
      left -= data.length;
      if (!client.write(data)) gateway.pause();
    });
    client.on("drain", () => gateway.resume());
    client.pipe(gateway);
    for (const socket of [client, gateway]) {
      this.#sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
  }
}
