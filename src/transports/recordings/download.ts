/** Download of a file of a recording, whole or in ranges: tools open remote files by ranges. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../domain/errors.ts";
import { hasChunk } from "../../recordings/files/has-chunk.ts";
import type { FileStatus } from "../../recordings/recording-status.ts";
import { FILE_FORMAT } from "../../wire/formats.ts";
import type { TransportParts } from "../parts.ts";
import { whenCut } from "../response/closing.ts";
import { requestedRange } from "../response/requested-range.ts";

/** A file to send. */
export interface SentFile {
  readonly directory: string;
  readonly file: FileStatus;
  /** Keys of its streams. */
  readonly keys: readonly string[];
}

/** Bytes that are read ahead of the client. */
const READ_BYTES = 256 * 1024;

/** Sends a file. @throws GatewayError NOT_FOUND, RANGE_NOT_SATISFIABLE or TOO_MANY_CONNECTIONS */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { directory, file, keys }: SentFile,
  { access, observe: { counters } }: TransportParts,
): Promise<FastifyReply> {
  const { visitor, method } = request;
  access.limits.checkConnection(visitor);
  const isOpen = file.state === "recording";
  const handle = await open(join(directory, file.file), "r").catch((error: NodeJS.ErrnoException) => {
    // The thread has not created it yet.
    if (isOpen && error.code === "ENOENT") throw noChunkYet(file);
    throw new GatewayError("NOT_FOUND", `the file ${file.file} cannot be read`, { cause: error });
  });
  try {
    if (isOpen && !(await hasChunk(handle))) throw noChunkYet(file);
    const { size, mtimeMs } = await handle.stat();
    const etag = `"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`;
    reply.headers({
      etag,
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache",
      "content-type": FILE_FORMAT.mediaType,
      "content-disposition": `attachment; filename="${file.file}"`,
    });
    const range = requestedRange(request, reply, etag, size);
    if (range === "not modified") {
      await handle.close();
      return reply.send();
    }
    const { first, last } = range ?? { first: 0, last: size - 1 };
    reply.header("content-length", last - first + 1);
    if (method === "HEAD" || size === 0) {
      await handle.close();
      // Fastify would read the whole file, or replace its length.
      reply.hijack();
      reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>).end();
      return reply;
    }
    // A file that grows has more bytes than its headers state, so the end is explicit.
    const stream = handle.createReadStream({ start: first, end: last, highWaterMark: READ_BYTES });
    const end = () => stream.destroy();
    const session = access.sessions.open(visitor, "export", request.raw.socket, end);
    access.sessions.use(session, "read", keys);
    const release = whenCut(reply, access.closing, end);
    stream.on("data", (chunk) => {
      counters.bytesSent += chunk.length;
    });
    stream.once("close", () => {
      release();
      access.sessions.forget(session);
    });
    return reply.send(stream);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Without it, a client would receive a file without entries, although the recording has some. */
const noChunkYet = ({ file }: FileStatus): GatewayError =>
  new GatewayError(
    "NOT_FOUND",
    `the file ${file} has no chunk yet: one is written 5 s after its first entry, after 4 MiB, or when the recording stops`,
  );
