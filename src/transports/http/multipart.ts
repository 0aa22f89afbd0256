/** The entries of a `multipart/form-data` body: each part named `entries` is one (wire.md, "HTTP"). */
import type { IncomingHttpHeaders } from "node:http";
import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import { GatewayError } from "../../domain/errors.ts";
import { checkBatchSize, type PushedEntry } from "../../wire/push-batch.ts";

/**
 * Reads the parts.
 *
 * @param stream the stream of all parts; `*`: each part's filename is its stream
 * @throws GatewayError BAD_BODY, or TOO_LARGE for more parts than `mostEntries`
 */
export function readMultipart(
  headers: IncomingHttpHeaders,
  body: Buffer,
  stream: string,
  mostEntries: number,
): Promise<readonly PushedEntry[]> {
  return new Promise((resolve, reject) => {
    const fail = (problem: string) => reject(new GatewayError("BAD_BODY", `multipart body: ${problem}`));
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: headers as BusboyHeaders,
        // A part without a filename would be decoded as text, which loses bytes: every part is read as a file.
        isPartAFile: () => true,
        preservePath: true,
        limits: { parts: mostEntries + 1, fileSize: Number.POSITIVE_INFINITY },
      });
    } catch (error) {
      fail((error as Error).message);
      return;
    }
    const entries: PushedEntry[] = [];
    parser.on("file", (name, part, filename) => {
      const place = entries.length;
      const entry = { stream: stream === "*" ? (filename ?? "") : stream, id: "*", data: new Uint8Array(0) };
      entries.push(entry);
      if (name !== "entries") fail(`part ${place} is named ${JSON.stringify(name)}, not "entries"`);
      if (entry.stream === "") fail(`part ${place} has no filename, which * takes for its stream`);
      const chunks: Buffer[] = [];
      part.on("data", (chunk: Buffer) => chunks.push(chunk));
      part.on("error", (error) => fail(error.message));
      part.on("end", () => {
        entry.data = Buffer.concat(chunks);
      });
    });
    parser.on("error", (error) => fail((error as Error).message));
    parser.on("finish", () => {
      if (entries.length === 0) fail('it has no part named "entries"');
      try {
        checkBatchSize(entries.length, mostEntries);
        resolve(entries);
      } catch (error) {
        reject(error);
      }
    });
    parser.end(body);
  });
}
