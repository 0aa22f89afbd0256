/** Head of a response whose body is written to the connection piece by piece. */
import type { FastifyReply } from "fastify";

/** Takes the response over from the framework, and sends its head. */
export function sendStreamedHead(
  reply: FastifyReply,
  contentType: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": contentType,
    "cache-control": "no-store",
    ...headers,
  });
}

/** Header that keeps proxies such as nginx from buffering the response. */
export const UNBUFFERED = { "x-accel-buffering": "no" } as const;
