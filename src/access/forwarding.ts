/**
 * Who is at the other end when a proxy stands between. What a request says of that in `X-Forwarded-…` is believed only
 * where the peer is a proxy that the operator named: anybody can write these headers.
 */
import type { IncomingMessage } from "node:http";
import proxyAddr from "@fastify/proxy-addr";

/** Where a request really came from, and by which name and scheme. */
export interface Origin {
  /** The client's address. */
  readonly address: string;
  /** The `Host` that the client asked for. */
  readonly host: string | undefined;
  /** Whether the client's connection is by TLS. */
  readonly isSecure: boolean;
}

/** Finds out. */
export type Forwarding = (request: IncomingMessage) => Origin;

/** Whether an address is that of a proxy to be believed. */
export type ProxyTest = (address: string) => boolean;

/**
 * Makes the test.
 *
 * @param trusted addresses and networks (`10.0.0.0/8`, `loopback`, `uniquelocal`) of proxies; none believes nobody
 * @throws TypeError where one is no address
 */
export function createProxyTest(trusted: readonly string[]): ProxyTest {
  if (trusted.length === 0) return () => false;
  const trusts = proxyAddr.compile([...trusted]);
  return (address) => trusts(address, 0);
}

/** Makes the reader of forwarding headers. */
export function createForwarding(isProxy: ProxyTest): Forwarding {
  return (request) => {
    const own = direct(request);
    if (!isProxy(own.address)) return own;
    const protocol = nearest(request.headers["x-forwarded-proto"]);
    return {
      // Read from the right, as far as the proxies are known: what stands left of that the client may have written.
      address: proxyAddr(request, isProxy),
      host: nearest(request.headers["x-forwarded-host"]) ?? own.host,
      isSecure: protocol === undefined ? own.isSecure : protocol === "https" || protocol === "wss",
    };
  };
}

function direct(request: IncomingMessage): Origin {
  const { socket, headers } = request;
  return {
    address: socket.remoteAddress ?? "",
    host: headers.host,
    isSecure: "encrypted" in socket && socket.encrypted === true,
  };
}

/** The last of a list: what the proxy next to the gateway wrote. */
function nearest(header: string | string[] | undefined): string | undefined {
  const text = typeof header === "string" ? header : header?.at(-1);
  return text?.split(",").at(-1)?.trim() || undefined;
}
