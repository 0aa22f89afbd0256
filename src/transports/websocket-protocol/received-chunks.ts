/**
 * Received chunks of a socket, which are handled in parts: a bounded number of frames per event-loop turn, and the chunks of a
 * large message in turns that all clients share. The socket is not read while a part is left.
 */
import type { Socket } from "node:net";
import type { FairTurns } from "../../domain/scheduling/fair-turns.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";

/**
 * Frames of one socket that are handled in an event-loop turn. A read of 64 KB may bring 9,000 frames, which would delay all
 * other clients.
 */
const FRAMES_PER_TURN = 256;

/** Turns in which chunks are handled. */
export interface ChunkTurns {
  readonly workSlices: WorkSlices;
  /** Turns in which large messages are received, shared with the requests of all clients. */
  readonly turns: FairTurns;
  /** Returns the client's address. */
  readonly address: () => string;
}

/** Parser of the chunks. Both methods return whether frames of the chunk are left. */
export interface ChunkParser {
  /** Parses a chunk, up to a number of frames. */
  feed(chunk: Buffer, maxFrames: number): boolean;
  /** Continues with the chunk that was fed last. */
  proceed(chunk: Buffer, maxFrames: number): boolean;
  /** Whether the next chunk belongs to a large message. */
  isFillingLarge(): boolean;
  /** Whether the socket is not to be read, and frames are not to be handled, until `readOn` is called again. */
  isHeld(): boolean;
}

/** Chunks of one socket. */
export class ReceivedChunks {
  readonly #socket: Socket;
  readonly #turns: ChunkTurns;
  readonly #parser: ChunkParser;
  /** Chunk with frames that are left for later turns. */
  #rest: Buffer | undefined;
  #isTurnDue = false;
  /** Chunk of a large message that waits for its turn. */
  #unfed: Buffer | undefined;

  constructor(socket: Socket, turns: ChunkTurns, parser: ChunkParser) {
    this.#socket = socket;
    this.#turns = turns;
    this.#parser = parser;
  }

  /** Handles a received chunk, now or in later turns. */
  receive(chunk: Buffer): void {
    // A paused socket may still emit a chunk that was already read.
    this.finish();
    if (this.#parser.isFillingLarge()) this.#feedInTurn(chunk);
    else this.#feed(chunk);
  }

  /** Handles what is left and then reads on, unless the parser is held. */
  readOn(): void {
    if (this.#unfed !== undefined || this.#parser.isHeld()) return;
    if (this.#rest === undefined) {
      this.#socket.resume();
      return;
    }
    this.#socket.pause();
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    void this.#turns.workSlices
      .begin()
      .next()
      .then(() => {
        this.#isTurnDue = false;
        // Held meanwhile: the next `readOn` schedules the next turn.
        if (this.#parser.isHeld()) return;
        this.#proceed(FRAMES_PER_TURN);
        this.readOn();
      });
  }

  /** Handles all that is left at once. */
  finish(): void {
    this.#proceed(Number.POSITIVE_INFINITY);
  }

  #feed(chunk: Buffer): void {
    if (this.#parser.feed(chunk, FRAMES_PER_TURN)) {
      this.#rest = chunk;
      this.readOn();
    }
  }

  /** Feeds a chunk now or in a later turn: copying those of all sockets would make a turn long. */
  #feedInTurn(chunk: Buffer): void {
    const { turns, address } = this.#turns;
    this.#unfed = chunk;
    turns.run({ connection: this.#socket, address }, () => {
      // Fed already if another chunk arrived, or the connection closed.
      if (this.#unfed !== chunk) return;
      this.#feedWaiting();
      this.readOn();
    });
    if (this.#unfed !== undefined) this.#socket.pause();
  }

  #feedWaiting(): void {
    const chunk = this.#unfed;
    this.#unfed = undefined;
    if (chunk !== undefined) this.#feed(chunk);
  }

  #proceed(maxFrames: number): void {
    this.#feedWaiting();
    const chunk = this.#rest;
    this.#rest = undefined;
    if (chunk !== undefined && this.#parser.proceed(chunk, maxFrames)) this.#rest = chunk;
  }
}
