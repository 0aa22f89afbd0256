/**
 * Reads Redis' replies (RESP2 and RESP3) from a socket's chunks, whatever their boundaries.
 *
 * It is on the path of every entry, so it keeps its place between chunks instead of starting a reply again, and
 * allocates per chunk and not per payload. The memory of a chunk may be used again when it has been fed.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

/** An error that Redis answered a command with, in Redis' words; `code` is the first of them (`WRONGTYPE`). */
export class ReplyError extends Error {
  override readonly name = "ReplyError";

  get code(): string {
    return this.message.slice(0, (this.message.indexOf(" ") + 1 || this.message.length + 1) - 1);
  }
}

/** A reply. Bulk and verbatim strings are bytes; maps are lists of key, value, key, value …; an error stands where it was. */
export type Reply = string | number | boolean | null | Buffer | ReplyError | Reply[];

/** Where replies go. */
export interface ReplyHandlers {
  onReply(reply: Reply): void;
  /** A message that answers no command, such as an invalidation. */
  onPush(message: Reply[]): void;
}

/** Takes bytes as they come. */
export interface ReplyReader {
  /** @throws Error where the bytes are no RESP; the connection cannot go on after that */
  feed(chunk: Buffer): void;
}

/** A list that still waits for members. */
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
/** Nearly every entry has the field name `d`: one buffer stands for all of them. */
const FIELD_D = Buffer.from("d");
const BULK_END = "a bulk string that does not end where it said";
/** A line is a number, a status or an error: a longer one is no Redis. */
const MAX_LINE_BYTES = 64 * 1024;
/** `proto-max-bulk-len` is 512 MB unless an operator raises it. */
const MAX_BULK_BYTES = 4 * 1024 ** 3;
/** So that a broken length does not allocate: no reply asked for here has more. */
const MAX_LIST_LENGTH = 64 * 1024 ** 2;

/** Makes a reader for one connection. */
export function createReplyReader(handlers: ReplyHandlers): ReplyReader {
  const open: OpenList[] = [];
  let bulk: OpenBulk | undefined;
  /** The type of the bulk that is read. */
  let bulkType = DOLLAR;
  /** The two bytes CR LF behind a bulk that still have to come. */
  let skip = 0;
  /** The beginning of a line whose end has not come yet. */
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
    if (!(length <= MAX_LIST_LENGTH)) throw new Error(`a reply of ${length} members`);
    if (length > 0) open.push({ items: [], missing: length, kind });
    else if (kind === "list") emit([]);
  }

  function startBulk(type: number, length: number): void {
    if (length < 0) {
      emit(null);
      return;
    }
    if (!(length <= MAX_BULK_BYTES)) throw new Error(`a bulk string of ${length} bytes`);
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
    // A verbatim string says in its first four bytes what it is, "txt:".
    else emit(value.subarray(4));
  }

  function skipLineEnd(): void {
    for (; skip > 0 && at < chunk.length; skip--)
      if (chunk[at++] !== (skip === 2 ? CR : LF)) throw new Error(BULK_END);
  }

  /** A decimal from `start` to `end`. By hand, because it runs several times per entry. */
  function integer(start: number, end: number): number {
    let i = start;
    const negative = chunk[i] === 45;
    if (negative || chunk[i] === 43) i++;
    if (i >= end) throw new Error("a number without digits");
    let value = 0;
    for (; i < end; i++) {
      const digit = (chunk[i] ?? 0) - 48;
      if (digit < 0 || digit > 9) throw new Error("a number that is none");
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
        // Redis writes "inf", JavaScript reads "Infinity".
        emit(Number(chunk.toString("latin1", start, end).replace("inf", "Infinity")));
        return;
      default:
        throw new Error(`a reply of the unknown type ${JSON.stringify(String.fromCharCode(type))}`);
    }
  }

  return {
    feed(bytes) {
      chunk = bytes;
      at = 0;
      // A large payload goes straight to where it belongs; the rest is copied once, and replies are slices of that.
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
          if (chunk.length - start > MAX_LINE_BYTES) throw new Error("a line without an end");
          // Copied, so that a few bytes do not keep the whole chunk.
          partial = Buffer.from(chunk.subarray(start));
          break;
        }
        if (chunk[end + 1] !== LF) throw new Error("a line that ends in CR alone");
        at = end + 2;
        line(chunk[start] ?? 0, start + 1, end);
      }
      chunk = EMPTY;
    },
  };
}
