/** Downloads a recording in parts, so that memory is bounded and a lost connection costs one part. */
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorFromResponse, StreamerError, unreachable } from "../../client/errors.ts";
import type { Gateway } from "../../client/gateway/gateway.ts";
import { currentToken } from "../../client/gateway/token.ts";
import { platformFetch } from "../../client/transport/platform-fetch.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";

/** Bytes of one request. */
const PART_BYTES = 8 * 2 ** 20;
/** Attempts for a part, and the delay between them, ms. */
const ATTEMPTS = 5;
const RETRY_MS = 1_000;
const TIMEOUT_MS = 60_000;

/** Downloads a file into a directory. Until it is complete, its name ends with `.part`. @returns its path @throws StreamerError */
export async function downloadRecording(gateway: Gateway, file: string, directory: string): Promise<string> {
  const path = join(directory, file.replace(/[/\\]/g, "_"));
  const partial = `${path}.part`;
  const output = await open(partial, "w");
  try {
    for (let offset = 0, total = 1; offset < total; ) {
      const part = await fetchPart(gateway, file, offset);
      await output.writeFile(part.bytes);
      offset += part.bytes.length;
      total = part.total;
    }
    await output.sync();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await output.close();
  }
  await rename(partial, path);
  return path;
}

async function fetchPart(gateway: Gateway, file: string, offset: number): Promise<Part> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await requestPart(gateway, file, offset);
    } catch (error) {
      if (!(error instanceof StreamerError && error.retryable) || attempt === ATTEMPTS) throw error;
      await sleep(RETRY_MS);
    }
  }
}

interface Part {
  readonly bytes: Uint8Array;
  /** Size of the whole file. */
  readonly total: number;
}

async function requestPart(
  { address, transport, token }: Gateway,
  file: string,
  offset: number,
): Promise<Part> {
  const send = transport.fetch ?? platformFetch;
  const sentToken = await currentToken(token);
  let response: Response;
  let bytes: Uint8Array;
  try {
    response = await send(address.http(`recordings/${encodeURIComponent(file)}`, {}), {
      method: "GET",
      headers: {
        range: `bytes=${offset}-${offset + PART_BYTES - 1}`,
        ...(sentToken !== undefined && { authorization: `Bearer ${sentToken}` }),
      },
      body: undefined,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw unreachable(error);
  }
  const [, total] = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  if (response.status === 206 && total !== undefined) return { bytes, total: Number(total) };
  throw errorFromResponse(response.status, new TextDecoder().decode(bytes.subarray(0, 10_000)));
}
