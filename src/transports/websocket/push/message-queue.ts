/**
 * Message queue of one pushing socket. Messages are handled in order: a short message at once, a long one in slices.
 * Meanwhile the socket is not read, and messages that were already received wait.
 */
import type { Pausable } from "../../websocket-protocol/pause-reasons.ts";

/** Received message. */
export interface ArrivedMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
  /** Its buffer, if it belongs to the payload pool. */
  readonly memory: Buffer | undefined;
}

/** Callbacks that handle messages. */
export interface MessageHandling {
  isLong(message: ArrivedMessage): boolean;
  /** Handles a message at once. Does not throw. */
  handle(message: ArrivedMessage): void;
  /**
   * Handles a message in slices. Does not reject.
   *
   * @param letGo called when the bytes of the message are counted as those of a batch
   */
  handleLong(message: ArrivedMessage, letGo: () => void): Promise<void>;
  /** Counts the bytes of messages that wait or are being handled in slices. */
  hold(bytes: number): void;
  letGo(bytes: number): void;
  /** Pauses and resumes reading. */
  readonly reading: Pausable;
}

/** Handles messages in order. */
export interface MessageQueue {
  add(message: ArrivedMessage): void;
}

/** Creates the queue of one socket. */
export function createMessageQueue(handling: MessageHandling): MessageQueue {
  const { isLong, handle, handleLong, hold, letGo, reading } = handling;
  const waiting: ArrivedMessage[] = [];
  let isBusy = false;

  async function work(first: ArrivedMessage): Promise<void> {
    let message: ArrivedMessage | undefined = first;
    while (message !== undefined) {
      // The bytes have no length any more once their memory is freed.
      const { length } = message.bytes;
      let isHeld = true;
      const release = () => {
        if (isHeld) letGo(length);
        isHeld = false;
      };
      await handleLong(message, release);
      release();
      message = waiting.shift();
    }
    isBusy = false;
    reading.resume();
  }

  return {
    add(message) {
      if (!isBusy && !isLong(message)) {
        handle(message);
        return;
      }
      hold(message.bytes.length);
      if (isBusy) {
        waiting.push(message);
        return;
      }
      isBusy = true;
      reading.pause();
      void work(message);
    },
  };
}
