/** Messages of one pushing socket: decodes them, names the streams of their entries, and stores these. */
import { authorize } from "../../../access/identity/authorize.ts";
import { accountName } from "../../../access/limits/limits.ts";
import { asGatewayError } from "../../../domain/errors.ts";
import { isDeduped, type NewEntry } from "../../../domain/streams/entry.ts";
import { parseStreamIds } from "../../../domain/streams/stream-name.ts";
import type { AppendDone } from "../../../redis/append/appender.ts";
import { isLargeAppend, mayBeLargeAppend } from "../../../redis/append/large-appends.ts";
import type { PushedEntry } from "../../../wire/push-batch.ts";
import { createPushDecoder, type PushDecoder } from "../../../wire/push-decoder.ts";
import { appendSteps } from "../../request/append/append-steps.ts";
import {
  type ConnectionDeclarations,
  createConnectionDeclarations,
  readDeclarationParameters,
} from "../../request/append/declarations.ts";
import { readDedupe } from "../../request/append/dedupe.ts";
import { createStreamKeys } from "../../request/append/stream-keys.ts";
import type { ParametersOf } from "../../request/parameters/parameters.ts";
import { noPatterns, readNaming } from "../../request/streams.ts";
import { errorContextOf, type SocketRequest } from "../../websocket-protocol/upgrade-route.ts";
import { readToken } from "../control.ts";
import type { DataParts } from "../parts.ts";
import type { ArrivedMessage, MessageHandling } from "./message-queue.ts";
import type { PushBatches } from "./push-batches.ts";

/**
 * Weight of a waiting entry besides its payload, in bytes. It stands for memory, and mainly for the time that Redis needs,
 * which delays the entries of other clients. It makes backpressure apply earlier to a client that sends tiny entries.
 */
const ENTRY_BYTES = 1024;

/** Further weight of an entry with a dedupe key, whose script takes Redis 15 times as long. */
const DEDUPE_BYTES = 15 * ENTRY_BYTES;

/** Maximum of that further weight in one message: a longer one would pause other clients, too. */
const MAX_DEDUPE_BYTES = 4 * 1024 * 1024;

/** Number of entries whose keys are looked up between two yields. */
const ENTRIES_PER_STEP = 256;

function weightOf(entries: readonly NewEntry[]): number {
  let bytes = 0;
  let dedupeBytes = 0;
  for (const entry of entries) {
    bytes += entry.data.length + ENTRY_BYTES;
    if (isDeduped(entry)) dedupeBytes += DEDUPE_BYTES;
  }
  return bytes + Math.min(dedupeBytes, MAX_DEDUPE_BYTES);
}

/** Properties of the messages of a push, derived from its query. */
export interface PushFormat {
  readonly decoder: PushDecoder;
  /** Adds the stream key to an entry. @throws GatewayError if the client may not write to the stream */
  readonly withKey: (entry: PushedEntry) => NewEntry;
  /** Content that the connection declares; undefined if it declares nothing. */
  readonly declarations: ConnectionDeclarations | undefined;
  /** Whether text messages may be control messages. */
  readonly hasControl: boolean;
}

/**
 * Reads the streams and the format of a push.
 *
 * @throws GatewayError if a parameter is invalid, or the client may not write to a stream
 */
export function readPushFormat(
  request: SocketRequest,
  parameters: ParametersOf<"push">,
  parts: DataParts,
): PushFormat {
  const { config } = parts;
  const named = parseStreamIds(request.segment, config.maxStreams);
  if (parameters.pattern) requireNoPattern(named, parameters.device_id, config.noDevicePrefix);
  const declarations = openDeclarations(request, parameters, parts);
  const withKey = readEntryNaming(request, named, parameters, parts, declarations);
  const decoder = createPushDecoder({
    format: parameters.format ?? (parameters.header ? "header" : "raw"),
    offsets: parameters.offsets,
    streams: named,
    maxEntries: config.maxBatchEntries,
  });
  return { decoder, withKey, declarations, hasControl: parameters.control };
}

/** Returns the functions that decode the messages of a socket and store their entries. */
export function createMessageHandling(
  { decoder, withKey, declarations, hasControl }: PushFormat,
  batches: PushBatches,
  { session }: SocketRequest,
  { streams: { append, largeAppends }, access, observe: { errorLog }, payloadPool }: DataParts,
): Pick<MessageHandling, "isLong" | "handle" | "handleLong"> {
  const { sessions } = access;
  const { slices } = access.turns;

  /** Handles a control message. @returns false if the message is not one */
  function readsControl({ bytes, isBinary }: ArrivedMessage): boolean {
    const token = hasControl ? readToken(bytes, isBinary) : undefined;
    if (token === undefined) return false;
    sessions.renew(session, token);
    return true;
  }

  /** Returns the buffer of a message that is not stored. */
  function giveBack(memory: Buffer | undefined): void {
    if (memory !== undefined) payloadPool.give(memory);
  }

  /** Opens a batch whose ack also acknowledges the declaration of its streams. */
  function open(entries: readonly NewEntry[], memory: Buffer | undefined): AppendDone {
    const done = batches.open(weightOf(entries), memory);
    return declarations === undefined ? done : declarations.before(entries, done);
  }

  function reject(error: unknown): void {
    const reason = asGatewayError(error);
    errorLog.note(reason, errorContextOf(session));
    batches.end(reason);
  }

  return {
    isLong: ({ bytes, isBinary }) => mayBeLargeAppend(bytes.length) || decoder.isLong(bytes, isBinary),
    handle(message) {
      const { bytes, isBinary, memory } = message;
      let unused = memory;
      try {
        const entries =
          batches.isEnding() || readsControl(message) ? undefined : decoder.message(bytes, isBinary);
        if (entries === undefined) return;
        // Names all entries before any is stored, so that a batch with a forbidden stream is rejected as a whole.
        const keyed = entries.map(withKey);
        unused = undefined;
        append(keyed, open(keyed, memory));
      } catch (error) {
        reject(error);
      } finally {
        giveBack(unused);
      }
    },
    async handleLong(message, letGo) {
      const { bytes, isBinary, memory } = message;
      let unused = memory;
      try {
        if (batches.isEnding() || readsControl(message)) return;
        const entries = await slices.run(decoder.steps(bytes, isBinary));
        if (entries === undefined || batches.isEnding()) return;
        const keyed = await slices.run(namingSteps(entries, withKey));
        const isLarge = isLargeAppend(keyed);
        // Keeps the order: large batches leave over another connection.
        if (isLarge) await batches.settled();
        if (batches.isEnding()) return;
        unused = undefined;
        const done = open(keyed, memory);
        letGo();
        if (isLarge) done(await largeAppends.store(accountName(session.visitor), keyed), false);
        else await slices.run(appendSteps(append, keyed, done));
      } catch (error) {
        reject(error);
      } finally {
        giveBack(unused);
      }
    },
  };
}

/** Opens the declarations of a connection; undefined if it declares nothing. @throws GatewayError BAD_PARAMETER */
function openDeclarations(
  { session }: SocketRequest,
  parameters: ParametersOf<"push">,
  { streams, observe }: DataParts,
): ConnectionDeclarations | undefined {
  const requested = readDeclarationParameters(parameters);
  return (
    requested &&
    createConnectionDeclarations(requested, streams.declarations, (text) =>
      observe.warnings.note("declaration", [text], errorContextOf(session)),
    )
  );
}

/** Returns a function that adds the stream key to an entry. It throws GatewayError if the client may not write to the stream. */
function readEntryNaming(
  { session }: SocketRequest,
  streams: readonly string[],
  parameters: ParametersOf<"push">,
  { access, config }: DataParts,
  declarations: ConnectionDeclarations | undefined,
): (entry: PushedEntry) => NewEntry {
  const { visitor } = session;
  const naming = readNaming(parameters, config);
  access.sessions.use(session, "write", streams.map(naming.keyOf));
  const keys = createStreamKeys(naming.keyOf, (key) => {
    authorize(visitor.identity, "write", [key]);
    access.limits.useStream(visitor, key);
    declarations?.use(key);
  });
  session.onRenewed = keys.forget;
  const markNext = readDedupe(parameters);
  return ({ stream, id, data, fields }) => {
    const key = keys.keyOf(stream);
    if (markNext !== undefined) return { key, id, data, dedupe: markNext(), ...(fields && { fields }) };
    return fields === undefined ? { key, id, data } : { key, id, data, fields };
  };
}

function* namingSteps(
  entries: readonly PushedEntry[],
  withKey: (entry: PushedEntry) => NewEntry,
): Generator<void, readonly NewEntry[]> {
  const keyed: NewEntry[] = [];
  for (const entry of entries) {
    keyed.push(withKey(entry));
    if (keyed.length % ENTRIES_PER_STEP === 0) yield;
  }
  return keyed;
}

/** @throws GatewayError BAD_PARAMETER if a stream id or the device is a pattern */
function requireNoPattern(ids: readonly string[], device: string | undefined, noDevicePrefix: boolean): void {
  const names = noDevicePrefix || device === undefined ? ids : [...ids, device];
  if (names.some((name) => name.includes("*"))) throw noPatterns(noDevicePrefix ? undefined : device);
}
