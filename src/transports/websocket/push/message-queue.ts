/**
 * Message queue of one pushing socket. Messages are handled in order: a short message at once, a long one in slices.
 * Meanwhile the socket is not read, and messages that were already received wait.
 */
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
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
  /** Handles a message in steps. Does not throw. */
  steps(message: ArrivedMessage): Generator<void, void>;
  /** Counts the bytes of messages that wait or are being handled in steps. */
  hold(bytes: number): void;
  letGo(bytes: number): void;
  /** Pauses and resumes reading. */
  readonly reading: Pausable;
  readonly workSlices: WorkSlices;
}

/** Handles messages in order. */
export interface MessageQueue {
  add(message: ArrivedMessage): void;
}

/** Creates the queue of one socket. */
export function createMessageQueue(handling: MessageHandling): MessageQueue {
  const { isLong, handle, steps, hold, letGo, reading, workSlices } = handling;
  const waiting: ArrivedMessage[] = [];
  let isBusy = false;

  async function work(first: ArrivedMessage): Promise<void> {
    let message: ArrivedMessage | undefined = first;
    while (message !== undefined) {
      // The bytes have no length any more once their memory is freed.
      const { length } = message.bytes;
      await workSlices.run(steps(message));
      letGo(length);
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
