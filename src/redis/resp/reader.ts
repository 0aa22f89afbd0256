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

/** Bytes that are not a reply. The connection cannot be used after it. */
export class InvalidReply extends Error {
  override readonly name = "InvalidReply";
}

/** Parsed reply. Bulk and verbatim strings are bytes. Maps are flat lists (key, value, key, value …). Errors may be nested. */
export type Reply = string | number | boolean | null | Buffer | ReplyError | Reply[];

/** Receives parsed replies. */
export interface ReplyHandlers {
  onReply(reply: Reply): void;
  /** A push message, such as an invalidation. */
  onPush(message: Reply[]): void;
}

/** List whose elements have not all arrived. */
interface OpenList {
  readonly items: Reply[];
  missing: number;
  readonly kind: "list" | "push" | "attribute";
}

/** A bulk string that spans chunks. */
interface OpenBulk {
  readonly length: number;
  /** Undefined if its bytes are omitted. */
  readonly target: Buffer | undefined;
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

/** Parser of one connection. It takes chunks in the order in which they arrive. */
export class ReplyReader {
  readonly #handlers: ReplyHandlers;
  readonly #omitFrom: number;
  /** Incomplete lists, outermost first. */
  readonly #open: OpenList[] = [];
  #bulk: OpenBulk | undefined;
  /** Type byte of the current bulk string. */
  #bulkType = DOLLAR;
  /** Bytes of the CR LF after a bulk string that have not arrived yet. */
  #skip = 0;
  /** Start of a line that has not fully arrived. */
  #partial: Buffer = EMPTY;
  #chunk: Buffer = EMPTY;
  /** Position in the chunk. */
  #at = 0;

  /**
   * @param omitFrom size (bytes) from which the parser replaces bulk strings by their length; more than a chunk, because
   * bulk strings within one are not omitted
   */
  constructor(handlers: ReplyHandlers, omitFrom = Number.POSITIVE_INFINITY) {
    this.#handlers = handlers;
    this.#omitFrom = omitFrom;
  }

  /** Parses a chunk. @throws InvalidReply if the bytes are not valid RESP, or the error of a handler */
  feed(bytes: Buffer): void {
    this.#chunk = bytes;
    this.#at = 0;
    // A large payload is copied directly into its target; the rest is copied once, and replies are slices of that copy.
    if (this.#bulk !== undefined) this.#continueBulk(this.#bulk);
    if (this.#skip > 0) this.#skipLineEnd();
    if (this.#at === bytes.length) return;
    this.#chunk = Buffer.concat([this.#partial, bytes.subarray(this.#at)]);
    this.#partial = EMPTY;
    this.#parseLines(this.#chunk);
    this.#chunk = EMPTY;
  }

  #parseLines(chunk: Buffer): void {
    this.#at = 0;
    while (this.#at < chunk.length) {
      const start = this.#at;
      let end = start + 1;
      while (end < chunk.length && chunk[end] !== CR) end++;
      if (end + 1 >= chunk.length) {
        if (chunk.length - start > MAX_LINE_BYTES)
          throw new InvalidReply(`a line must have at most ${MAX_LINE_BYTES} bytes`);
        // Copied, so that a few bytes do not keep the whole chunk in memory.
        this.#partial = Buffer.from(chunk.subarray(start));
        break;
      }
      if (chunk[end + 1] !== LF) throw new InvalidReply("a line ends with CR but no LF");
      this.#at = end + 2;
      this.#line(chunk[start] ?? 0, start + 1, end);
    }
  }

  #line(type: number, start: number, end: number): void {
    switch (type) {
      case DOLLAR: // $ bulk string
      case 61: // = verbatim string
      case EXCLAMATION_MARK: // ! bulk error
        this.#startBulk(type, this.#integer(start, end));
        return;
      case 42: // * array
      case 126: {
        // ~ set
        const length = this.#integer(start, end);
        if (length < 0) this.#emit(null);
        else this.#openList(length, "list");
        return;
      }
      case 37: // % map
        this.#openList(this.#integer(start, end) * 2, "list");
        return;
      case 62: // > push
        this.#openList(this.#integer(start, end), "push");
        return;
      case 124: // | attribute
        this.#openList(this.#integer(start, end) * 2, "attribute");
        return;
      case 58: // : integer
        this.#emit(this.#integer(start, end));
        return;
      case 43: // + status
        this.#emit(this.#chunk.toString("latin1", start, end));
        return;
      case 45: // - error
        this.#emit(new ReplyError(this.#chunk.toString("utf8", start, end)));
        return;
      case 95: // _ null
        this.#emit(null);
        return;
      case 35: // # boolean
        this.#emit(this.#chunk[start] === 116);
        return;
      case 44: // , double
      case 40: // ( big number
        // Redis sends "inf"; JavaScript parses "Infinity".
        this.#emit(Number(this.#chunk.toString("latin1", start, end).replace("inf", "Infinity")));
        return;
      default:
        throw new InvalidReply(`unknown reply type ${JSON.stringify(String.fromCharCode(type))}`);
    }
  }

  /** Parses the decimal from `start` to `end`. Hand-written, because it runs several times per entry. */
  #integer(start: number, end: number): number {
    const chunk = this.#chunk;
    let i = start;
    const negative = chunk[i] === 45;
    if (negative || chunk[i] === 43) i++;
    if (i >= end) throw new InvalidReply("a number without digits");
    let value = 0;
    for (; i < end; i++) {
      const digit = (chunk[i] ?? 0) - 48;
      if (digit < 0 || digit > 9) throw new InvalidReply("a number contains a character that is not a digit");
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  #openList(length: number, kind: OpenList["kind"]): void {
    if (!(length <= MAX_LIST_LENGTH))
      throw new InvalidReply(`a reply must have at most ${MAX_LIST_LENGTH} members, got ${length}`);
    if (length > 0) this.#open.push({ items: [], missing: length, kind });
    else if (kind === "list") this.#emit([]);
  }

  /** Emits a value, and each list that it completes. */
  #emit(value: Reply): void {
    let done = value;
    for (;;) {
      const list = this.#open[this.#open.length - 1];
      if (list === undefined) {
        this.#handlers.onReply(done);
        return;
      }
      list.items.push(done);
      if (--list.missing > 0) return;
      this.#open.pop();
      if (list.kind === "attribute") return;
      if (list.kind === "push") {
        this.#handlers.onPush(list.items);
        return;
      }
      done = list.items;
    }
  }

  #startBulk(type: number, length: number): void {
    if (length < 0) {
      this.#emit(null);
      return;
    }
    if (!(length <= MAX_BULK_BYTES))
      throw new InvalidReply(`a bulk string must have at most ${MAX_BULK_BYTES} bytes, got ${length}`);
    this.#bulkType = type;
    const chunk = this.#chunk;
    const at = this.#at;
    const end = at + length;
    if (end + 2 <= chunk.length) {
      const value =
        length === 1 && chunk[at] === LOWER_D ? FIELD_D : length === 0 ? EMPTY : chunk.subarray(at, end);
      if (chunk[end] !== CR || chunk[end + 1] !== LF) throw new InvalidReply(BULK_END);
      this.#at = end + 2;
      this.#emitBulk(value);
      return;
    }
    const target = length >= this.#omitFrom ? undefined : Buffer.allocUnsafeSlow(length);
    this.#bulk = { length, target, filled: 0 };
    this.#continueBulk(this.#bulk);
  }

  #continueBulk(bulk: OpenBulk): void {
    const take = Math.min(bulk.length - bulk.filled, this.#chunk.length - this.#at);
    if (bulk.target !== undefined) this.#chunk.copy(bulk.target, bulk.filled, this.#at, this.#at + take);
    bulk.filled += take;
    this.#at += take;
    if (bulk.filled < bulk.length) return;
    this.#bulk = undefined;
    this.#skip = 2;
    this.#skipLineEnd();
    if (bulk.target === undefined) this.#emit(bulk.length);
    else this.#emitBulk(bulk.target);
  }

  #emitBulk(value: Buffer): void {
    if (this.#bulkType === DOLLAR) this.#emit(value);
    else if (this.#bulkType === EXCLAMATION_MARK) this.#emit(new ReplyError(value.toString()));
    // The first four bytes of a verbatim string are its format, such as "txt:".
    else this.#emit(value.subarray(4));
  }

  #skipLineEnd(): void {
    for (; this.#skip > 0 && this.#at < this.#chunk.length; this.#skip--)
      if (this.#chunk[this.#at++] !== (this.#skip === 2 ? CR : LF)) throw new InvalidReply(BULK_END);
  }
}
