/** Traces, as a collector gets them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { request } from "../support/clients/http.ts";
import { connectSocket } from "../support/clients/socket.ts";
import { startTestGateway } from "../support/gateway/gateway.ts";
import { startRedis } from "../support/redis/redis.ts";

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

test("sends a span for each request and connection, in the client's trace, without secrets in URLs", async () => {
  const spans: Span[] = [];
  const collector = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      for (const { scopeSpans } of body.resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as AddressInfo;
  await using redis = await startRedis();
  const gateway = await startTestGateway(redis.url, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  await request(`${gateway.http}/data/secret-stream?block=0&ticket=secret-ticket`, { headers });
  const socket = await connectSocket(`${gateway.ws}/data/secret-stream/pull`);
  socket.close();
  await socket.closed;
  // Unsent spans are sent when the gateway stops.
  await gateway.close();
  collector.close();
  collector.closeAllConnections();

  const [get, pull] = [
    spans.find(({ name }) => name.startsWith("GET")),
    spans.find(({ name }) => name === "WebSocket pull"),
  ];
  expect(get).toMatchObject({ name: "GET /data/:stream_id", traceId, parentSpanId: "b7ad6b7169203331" });
  expect(get?.attributes).toContainEqual({ key: "http.response.status_code", value: { intValue: 200 } });
  expect(pull?.attributes.map(({ key }) => key)).toContain("redis_streamer.connection");
  expect(JSON.stringify(spans)).not.toContain("secret");
});
