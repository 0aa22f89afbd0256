/** Connection that the first command opens. */
import type { Commands } from "./commands.ts";

/** Something that is opened when it is first needed. */
export interface Lazy<T> {
  /** Opens it, unless it is open. After the end it is opened and closed at once, so that its commands fail. */
  get(): T;
  /** Closes it if it was opened. */
  close(): void;
}

/** Creates it. @param open called once */
export function lazily<T extends { close(): void }>(open: () => T): Lazy<T> {
  let opened: T | undefined;
  let isClosed = false;
  return {
    get() {
      if (opened !== undefined) return opened;
      opened = open();
      if (isClosed) opened.close();
      return opened;
    },
    close() {
      isClosed = true;
      opened?.close();
    },
  };
}

/** Sends commands over a connection that the first of them opens. */
export const lazyCommands = (connection: Pick<Lazy<Commands>, "get">): Commands => ({
  send: (args, done) => connection.get().send(args, done),
  call: (...args) => connection.get().call(...args),
  transact: (commands, done) => connection.get().transact(commands, done),
});
