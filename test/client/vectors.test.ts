/** Vectors that the TypeScript and the Python client share. `python/tests/test_vectors.py` reads the same file. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errorFromClose, errorFromResponse, StreamerError } from "../../client/errors.ts";
import { pathSegment } from "../../client/gateway/address.ts";
import { readAck } from "../../client/pushing/ack.ts";
import { decodeBatch, encodeBatch } from "../../client/reading/msgpack.ts";
import { backoffMs, DEFAULT_BACKOFF } from "../../src/domain/scheduling/backoff.ts";
import { valuesOf } from "../../src/domain/streams/entry.ts";

interface VectorEntry {
  readonly stream: string;
  readonly id?: string;
  readonly data: string;
  readonly fields?: readonly (readonly [string, readonly string[]])[];
}

interface VectorError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

interface Vectors {
  readonly batches: readonly { readonly message: string; readonly entries: readonly VectorEntry[] }[];
  readonly brokenBatches: readonly string[];
  readonly pushes: readonly { readonly message: string; readonly entries: readonly VectorEntry[] }[];
  readonly closes: readonly (VectorError & { readonly close: number; readonly reason: string })[];
  readonly responses: readonly (VectorError & { readonly status: number; readonly body: string })[];
  readonly acknowledgements: readonly {
    readonly message: string;
    readonly outcomes: readonly { readonly id?: string; readonly code?: string; readonly message?: string }[];
  }[];
  readonly brokenAcknowledgements: readonly string[];
  readonly segments: readonly { readonly streams: readonly string[]; readonly segment?: string }[];
  readonly backoff: readonly {
    readonly failures: number;
    readonly fraction: number;
    readonly delayMs: number;
  }[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("./vectors.json", import.meta.url), "utf8"));
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

describe("batches", () => {
  test.each(vectors.batches)("decodes $message", ({ message, entries }) => {
    const found = decodeBatch(bytes(message)).map(({ stream, id, data, fields }) => ({
      stream,
      id,
      data: hex(data),
      ...(fields && { fields: [...fields].map(([name, value]) => [name, valuesOf(value).map(hex)]) }),
    }));
    expect(found).toEqual(entries);
  });

  test.each(vectors.brokenBatches)("rejects %j", (message) => {
    expect(() => decodeBatch(bytes(message))).toThrow(expect.objectContaining({ code: "BAD_MESSAGE" }));
  });

  test.each(vectors.pushes)("encodes $message", ({ message, entries }) => {
    const given = entries.map(({ stream, id, data, fields }) => ({
      stream,
      id,
      data: bytes(data),
      fields:
        fields &&
        Object.fromEntries(
          fields.map(([name, values]) => {
            const [first, ...others] = values.map(bytes);
            return [name, first !== undefined && others.length === 0 ? first : values.map(bytes)];
          }),
        ),
    }));
    expect(hex(encodeBatch(given))).toBe(message);
  });
});

describe("errors", () => {
  test.each(vectors.closes)("close $close $reason", ({ close, reason, ...expected }) => {
    expect(errorFromClose(close, reason)).toMatchObject({ ...expected, closeCode: close });
  });

  test.each(vectors.responses)("status $status $body", ({ status, body, ...expected }) => {
    expect(errorFromResponse("http://h/data/imu?x=1", status, body)).toMatchObject({ ...expected, status });
  });
});

describe("acknowledgements", () => {
  test.each(vectors.acknowledgements)("reads $message", ({ message, outcomes }) => {
    expect(readAck(message)).toEqual(
      outcomes.map(({ id, ...error }) =>
        id === undefined ? { error: expect.objectContaining(error) } : { id },
      ),
    );
  });

  test.each(vectors.brokenAcknowledgements)("rejects %j", (message) => {
    expect(() => readAck(message)).toThrow(expect.objectContaining({ code: "BAD_MESSAGE" }));
  });
});

test.each(vectors.segments)("path segment of $streams: $segment", ({ streams, segment }) => {
  if (segment === undefined) expect(() => pathSegment(streams)).toThrow(StreamerError);
  else expect(pathSegment(streams)).toBe(segment);
});

test.each(vectors.backoff)("delay after $failures failures", ({ failures, fraction, delayMs }) => {
  expect(backoffMs(failures, fraction, DEFAULT_BACKOFF)).toBe(delayMs);
});
