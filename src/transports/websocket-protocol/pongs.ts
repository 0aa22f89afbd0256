/** Answers to the pings of one client. A client that sends many, or does not read, receives few. */
import type { Socket } from "node:net";
import { controlFrame, PONG_OPCODE } from "./frames/control-frames.ts";

/** Pings of one turn that are answered one by one. Of more, the last one is answered, too (RFC 6455, section 5.5.3). */
const MAX_PONGS = 16;
/** If more bytes than this are unsent, only the last ping of a client is answered (RFC 6455, section 5.5.3). */
const MAX_UNSENT_BYTES = 64 * 1024;

/** Pongs of one socket. */
export class Pongs {
  readonly #socket: Socket;
  readonly #isOpen: () => boolean;
  /** Number of pings that were handled in this turn. */
  #handled = 0;
  #awaitsDrain = false;
  /** Payload of the last ping, if its pong is still to be sent. */
  #pending: Buffer | undefined;

  /** @param isOpen whether messages can be sent */
  constructor(socket: Socket, isOpen: () => boolean) {
    this.#socket = socket;
    this.#isOpen = isOpen;
  }

  /** Call before the frames of a turn are handled. */
  beginTurn(): void {
    this.#handled = 0;
  }

  /** Answers a ping now, or at the end of the turn. */
  answer(payload: Buffer): void {
    if (!this.#isOpen()) return;
    this.#handled++;
    if (this.#handled <= MAX_PONGS && this.#socket.writableLength <= MAX_UNSENT_BYTES) {
      this.#socket.write(controlFrame(PONG_OPCODE, payload));
      return;
    }
    // Copied, because its memory is reused.
    this.#pending = Buffer.from(payload);
  }

  /** Sends the pong of the last ping, at the latest when the client has read all unsent bytes. */
  endTurn(): void {
    if (this.#pending === undefined) return;
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      if (!this.#awaitsDrain) this.#socket.once("drain", this.#onDrain);
      this.#awaitsDrain = true;
      return;
    }
    if (this.#isOpen()) this.#socket.write(controlFrame(PONG_OPCODE, this.#pending));
    this.#pending = undefined;
  }

  readonly #onDrain = (): void => {
    this.#awaitsDrain = false;
    this.endTurn();
  };
}
