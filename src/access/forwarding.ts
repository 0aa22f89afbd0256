/**
 * Client address, host and scheme behind a proxy. `X-Forwarded-…` headers are used only if the peer is a trusted proxy
 * (`TRUST_PROXY`), because any client can send them.
 */
import type { IncomingMessage } from "node:http";
import proxyAddr from "@fastify/proxy-addr";

/** The client's view of a request: its address, and the host and scheme that it used. */
export interface Origin {
  /** The client's address. */
  readonly address: string;
  /** The `Host` that the client sent. */
  readonly host: string | undefined;
  /** Whether the client's connection uses TLS. */
  readonly isSecure: boolean;
}

/** Returns the origin of a request. */
export type Forwarding = (request: IncomingMessage) => Origin;

/** Returns whether an address belongs to a trusted proxy. */
export type ProxyTest = (address: string) => boolean;

/**
 * Creates the test for trusted proxies.
 *
 * @param trusted addresses and networks (`10.0.0.0/8`, `loopback`, `uniquelocal`) of trusted proxies; empty trusts none
 * @throws TypeError if one is not a valid address
 */
export function createProxyTest(trusted: readonly string[]): ProxyTest {
  if (trusted.length === 0) return () => false;
  const trusts = proxyAddr.compile([...trusted]);
  return (address) => trusts(address, 0);
}

/** Creates the reader of forwarding headers. */
export function createForwarding(isProxy: ProxyTest): Forwarding {
  return (request) => {
    const own = direct(request);
    if (!isProxy(own.address)) return own;
    const protocol = nearest(request.headers["x-forwarded-proto"]);
    return {
      // Read from the right, up to the first address that is not a trusted proxy: the client can forge the rest.
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

/** Returns the last item of a list header: the one added by the proxy next to the gateway. */
function nearest(header: string | string[] | undefined): string | undefined {
  const text = typeof header === "string" ? header : header?.at(-1);
  return text?.split(",").at(-1)?.trim() || undefined;
}
