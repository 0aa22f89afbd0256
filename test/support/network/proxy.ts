/** A proxy in front of a gateway, like the nginx of docs/operating.md: it adds X-Forwarded headers. */
import { createServer, type IncomingMessage, request as nodeRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { TestGateway } from "../gateway/gateway.ts";

/** A running proxy. */
export interface TestProxy extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
}

/** Starts a proxy. @param rewrite maps the client's path to the path sent to the gateway */
export async function startProxy(
  gateway: TestGateway,
  rewrite: (path: string) => string,
): Promise<TestProxy> {
  const target = new URL(gateway.http);
  const headersOf = ({ headers }: IncomingMessage) => ({
    ...headers,
    host: target.host,
    "x-forwarded-host": headers.host ?? "",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
  });
  const server = createServer((incoming, response) => {
    const outgoing = nodeRequest(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method ?? "GET",
        path: rewrite(incoming.url ?? "/"),
        headers: headersOf(incoming),
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      },
    );
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.on("upgrade", (incoming, socket, head) => {
    const outgoing = connect(Number(target.port), target.hostname);
    const lines = Object.entries(headersOf(incoming)).map(([name, value]) => `${name}: ${value}`);
    outgoing.write(`GET ${rewrite(incoming.url ?? "/")} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    outgoing.write(head);
    outgoing.pipe(socket).pipe(outgoing);
    for (const one of [outgoing, socket]) {
      one.on("error", () => undefined);
      one.on("close", () => {
        outgoing.destroy();
        socket.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
