/**
 * Incremental parser of Redis replies (RESP2 and RESP3), for chunks with any boundaries.
 *
 * Every entry passes through this parser. It therefore keeps its state between chunks instead of restarting a reply, and
 * allocates per chunk rather than per payload. A chunk's memory may be reused after `feed` returns.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

/** Error reply of Redis, with its original message; `code` is the first word (`WRONGTYPE`). */
export class ReplyError extends Error {
  override readonly name = "ReplyError";

  get code(): string {
    return this.message.slice(0, (this.message.indexOf(" ") + 1 || this.message.length + 1) - 1);
  }
}

/** A reply. Bulk and verbatim strings are bytes. Maps are flat lists (key, value, key, value …). Errors may be nested. */
export type Reply = string | number | boolean | null | Buffer | ReplyError | Reply[];

/** Receives parsed replies. */
export interface ReplyHandlers {
  onReply(reply: Reply): void;
  /** A push message, such as an invalidation. */
  onPush(message: Reply[]): void;
}

/** Parses chunks in the order in which they arrive. */
export interface ReplyReader {
  /** @throws Error if the bytes are not valid RESP; the connection cannot be used after that */
  feed(chunk: Buffer): void;
}

/** An incomplete list. */
interface OpenList {
  readonly items: Reply[];
  missing: number;
  readonly kind: "list" | "push" | "attribute";
}

/** A bulk string that spans chunks. */
interface OpenBulk {
  readonly target: Buffer;
  filled: number;
}

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const EXCLAMATION_MARK = 33;
const LOWER_D = 100;
const EMPTY = Buffer.alloc(0);
/** Nearly every entry has the field name `d`, so one shared buffer represents it. */
const FIELD_D = Buffer.from("d");
const BULK_END = "a bulk string is longer than its declared length";
/** Lines are numbers, statuses or errors; a longer line is not from Redis. */
const MAX_LINE_BYTES = 64 * 1024;
/** `proto-max-bulk-len` is 512 MB unless an operator raises it. */
const MAX_BULK_BYTES = 4 * 1024 ** 3;
/** Prevents huge allocations after a corrupt length; no reply to the gateway's commands has more members. */
const MAX_LIST_LENGTH = 64 * 1024 ** 2;

/** Creates the parser of one connection. */
export function createReplyReader(handlers: ReplyHandlers): ReplyReader {
  const open: OpenList[] = [];
  let bulk: OpenBulk | undefined;
  /** Type byte of the current bulk string. */
  let bulkType = DOLLAR;
  /** Bytes of the CR LF after a bulk string that have not arrived yet. */
  let skip = 0;
  /** Start of a line that has not fully arrived. */
  let partial: Buffer = EMPTY;
  let chunk: Buffer = EMPTY;
  let at = 0;

  function emit(value: Reply): void {
    let done = value;
    for (;;) {
      const list = open[open.length - 1];
      if (list === undefined) {
        handlers.onReply(done);
        return;
      }
      list.items.push(done);
      if (--list.missing > 0) return;
      open.pop();
      if (list.kind === "attribute") return;
      if (list.kind === "push") {
        handlers.onPush(list.items);
        return;
      }
      done = list.items;
    }
  }

  function openList(length: number, kind: OpenList["kind"]): void {
    if (!(length <= MAX_LIST_LENGTH))
      throw new Error(`a reply must have at most ${MAX_LIST_LENGTH} members, got ${length}`);
    if (length > 0) open.push({ items: [], missing: length, kind });
    else if (kind === "list") emit([]);
  }

  function startBulk(type: number, length: number): void {
    if (length < 0) {
      emit(null);
      return;
    }
    if (!(length <= MAX_BULK_BYTES))
      throw new Error(`a bulk string must have at most ${MAX_BULK_BYTES} bytes, got ${length}`);
    bulkType = type;
    const end = at + length;
    if (end + 2 <= chunk.length) {
      const value =
        length === 1 && chunk[at] === LOWER_D ? FIELD_D : length === 0 ? EMPTY : chunk.subarray(at, end);
      if (chunk[end] !== CR || chunk[end + 1] !== LF) throw new Error(BULK_END);
      at = end + 2;
      emitBulk(value);
      return;
    }
    bulk = { target: Buffer.allocUnsafeSlow(length), filled: 0 };
    continueBulk();
  }

  function continueBulk(): void {
    if (bulk === undefined) return;
    const take = Math.min(bulk.target.length - bulk.filled, chunk.length - at);
    chunk.copy(bulk.target, bulk.filled, at, at + take);
    bulk.filled += take;
    at += take;
    if (bulk.filled < bulk.target.length) return;
    const value = bulk.target;
    bulk = undefined;
    skip = 2;
    skipLineEnd();
    emitBulk(value);
  }

  function emitBulk(value: Buffer): void {
    if (bulkType === DOLLAR) emit(value);
    else if (bulkType === EXCLAMATION_MARK) emit(new ReplyError(value.toString()));
    // The first four bytes of a verbatim string are its format, such as "txt:".
    else emit(value.subarray(4));
  }

  function skipLineEnd(): void {
    for (; skip > 0 && at < chunk.length; skip--)
      if (chunk[at++] !== (skip === 2 ? CR : LF)) throw new Error(BULK_END);
  }

  /** Parses the decimal from `start` to `end`. Hand-written, because it runs several times per entry. */
  function integer(start: number, end: number): number {
    let i = start;
    const negative = chunk[i] === 45;
    if (negative || chunk[i] === 43) i++;
    if (i >= end) throw new Error("a number without digits");
    let value = 0;
    for (; i < end; i++) {
      const digit = (chunk[i] ?? 0) - 48;
      if (digit < 0 || digit > 9) throw new Error("a number contains a character that is not a digit");
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  function line(type: number, start: number, end: number): void {
    switch (type) {
      case DOLLAR: // $ bulk string
      case 61: // = verbatim string
      case EXCLAMATION_MARK: // ! bulk error
        startBulk(type, integer(start, end));
        return;
      case 42: // * array
      case 126: {
        // ~ set
        const length = integer(start, end);
        if (length < 0) emit(null);
        else openList(length, "list");
        return;
      }
      case 37: // % map
        openList(integer(start, end) * 2, "list");
        return;
      case 62: // > push
        openList(integer(start, end), "push");
        return;
      case 124: // | attribute
        openList(integer(start, end) * 2, "attribute");
        return;
      case 58: // : integer
        emit(integer(start, end));
        return;
      case 43: // + status
        emit(chunk.toString("latin1", start, end));
        return;
      case 45: // - error
        emit(new ReplyError(chunk.toString("utf8", start, end)));
        return;
      case 95: // _ null
        emit(null);
        return;
      case 35: // # boolean
        emit(chunk[start] === 116);
        return;
      case 44: // , double
      case 40: // ( big number
        // Redis sends "inf"; JavaScript parses "Infinity".
        emit(Number(chunk.toString("latin1", start, end).replace("inf", "Infinity")));
        return;
      default:
        throw new Error(`unknown reply type ${JSON.stringify(String.fromCharCode(type))}`);
    }
  }

  return {
    feed(bytes) {
      chunk = bytes;
      at = 0;
      // A large payload is copied directly into its target; the rest is copied once, and replies are slices of that copy.
      if (bulk !== undefined) continueBulk();
      if (skip > 0) skipLineEnd();
      if (at === chunk.length) return;
      chunk = Buffer.concat([partial, chunk.subarray(at)]);
      partial = EMPTY;
      at = 0;
      while (at < chunk.length) {
        const start = at;
        let end = start + 1;
        while (end < chunk.length && chunk[end] !== CR) end++;
        if (end + 1 >= chunk.length) {
          if (chunk.length - start > MAX_LINE_BYTES)
            throw new Error(`a line must have at most ${MAX_LINE_BYTES} bytes`);
          // Copied, so that a few bytes do not keep the whole chunk in memory.
          partial = Buffer.from(chunk.subarray(start));
          break;
        }
        if (chunk[end + 1] !== LF) throw new Error("a line ends with CR but no LF");
        at = end + 2;
        line(chunk[start] ?? 0, start + 1, end);
      }
      chunk = EMPTY;
    },
  };
}
