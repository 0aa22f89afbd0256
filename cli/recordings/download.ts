/** Downloads a recording in parts, so that memory is bounded and a lost connection costs one part. */
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorFromResponse, StreamerError } from "../../client/errors.ts";
import type { Gateway } from "../../client/gateway/gateway.ts";
import { request } from "../../client/gateway/request.ts";
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

async function requestPart(gateway: Gateway, file: string, offset: number): Promise<Part> {
  const url = gateway.address.http(`recordings/${encodeURIComponent(file)}`, {});
  const range = `bytes=${offset}-${offset + PART_BYTES - 1}`;
  const { status, headers, body } = await request(gateway, url, { range, timeoutMs: TIMEOUT_MS });
  const [, total] = /\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status === 206 && total !== undefined) return { bytes: body, total: Number(total) };
  throw errorFromResponse(url, status, new TextDecoder().decode(body.subarray(0, 10_000)));
}
