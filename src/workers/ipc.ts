/**
 * Request and response messages between two processes, over Node's IPC channel. A request is answered once, or fails when
 * the other process ends or does not answer in time.
 */

/** Request handlers by name. Arguments and results must survive JSON. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** One end of the channel: `process`, or the process of a worker. */
export interface Channel {
  readonly connected: boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
  once(event: "disconnect", listener: () => void): unknown;
  send?(message: object, handle: undefined, options: undefined, sent: () => void): unknown;
}

/** Sends requests to the other process. */
export interface Ipc<Q extends Handlers> {
  /** Sends a request. @throws Error if the other process does not answer in time, or answers with an error */
  request<K extends keyof Q & string>(
    what: K,
    ...argument: Parameters<Q[K]>
  ): Promise<Awaited<ReturnType<Q[K]>>>;
  /** Sends a notification, which has no answer. It is lost if the other process has ended. */
  notify<K extends keyof Q & string>(what: K, ...argument: Parameters<Q[K]>): void;
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** A request or an answer. JSON omits undefined members. */
interface Message {
  readonly request?: string;
  readonly argument?: unknown;
  readonly id?: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/**
 * Opens one end of the channel.
 *
 * @param handlers request handlers of this process
 * @param answerMs timeout of a request, in ms
 */
export function openIpc<Q extends Handlers>(channel: Channel, handlers: Handlers, answerMs: number): Ipc<Q> {
  const waiting = new Map<number, Waiting>();
  let count = 0;

  function settle(id: number): Waiting | undefined {
    const one = waiting.get(id);
    waiting.delete(id);
    clearTimeout(one?.timer);
    return one;
  }

  function send(message: Message): boolean {
    if (!channel.connected) return false;
    // The callback handles send errors, which would be thrown otherwise; the disconnect that follows settles requests.
    channel.send?.(message, undefined, undefined, () => undefined);
    return true;
  }

  /** Handles a request. A notification has no id and gets no answer. */
  async function answer({ request = "", argument, id }: Message): Promise<void> {
    try {
      const handler = handlers[request];
      if (handler === undefined) throw new Error(`no handler for ${request}`);
      const answered = await handler(argument as never);
      if (id !== undefined) send({ id, answer: answered });
    } catch (error) {
      if (id === undefined) throw error;
      send({ id, error: (error as Error).message });
    }
  }

  channel.on("message", (message) => {
    const one = message as Message;
    if (one.request !== undefined) void answer(one);
    else if (one.error !== undefined) settle(one.id ?? 0)?.reject(new Error(one.error));
    else settle(one.id ?? 0)?.resolve(one.answer);
  });
  channel.once("disconnect", () => {
    for (const id of [...waiting.keys()]) settle(id)?.reject(new Error("the other process has ended"));
  });

  return {
    request: (what, ...[argument]) =>
      new Promise((resolve, reject) => {
        const id = count++;
        const late = () => settle(id)?.reject(new Error(`no answer to ${what} within ${answerMs} ms`));
        const timer = setTimeout(late, answerMs).unref();
        waiting.set(id, { timer, resolve: resolve as (answer: unknown) => void, reject });
        if (!send({ request: what, argument, id }))
          settle(id)?.reject(new Error("the other process has ended"));
      }),
    notify: (what, ...[argument]) => void send({ request: what, argument }),
  };
}
