/** Destinations of a replay: names, devices and push connections of its streams. */
import type { Push, SendOptions, Streamer } from "../../client/index.ts";
import type { RecordedEntry, RecordedStream } from "../../src/recordings/files/read-recording.ts";

/** Names of the streams, and options for storing their entries. */
export interface TargetOptions {
  /** Device of all streams; each stream's own if undefined. */
  readonly device: string | undefined;
  /** New names by recorded name. */
  readonly remap: ReadonlyMap<string, string>;
  readonly keepIds: boolean;
  /** Key under which entries are numbered. */
  readonly dedupe: string;
  readonly signal: AbortSignal;
}

/** Push connections of a replay, one per stream. */
export class PlayTargets {
  readonly #streamer: Streamer;
  readonly #options: TargetOptions;
  readonly #pushes = new Map<string, Push>();
  #failure: { readonly error: unknown } | undefined;
  /** Entries that are stored. */
  stored = 0;
  bytes = 0;

  constructor(streamer: Streamer, options: TargetOptions) {
    this.#streamer = streamer;
    this.#options = options;
  }

  /** Sends an entry. Waits if too much is in flight. @throws the first error of an earlier entry */
  async send({ stream, entry }: RecordedEntry): Promise<void> {
    const push = this.#pushes.get(stream.key) ?? (await this.#open(stream));
    await push.ready();
    if (this.#failure !== undefined) throw this.#failure.error;
    const { id, data, fields } = entry;
    const options: SendOptions = {
      ...(this.#options.keepIds && { id }),
      ...(fields !== undefined && { fields: Object.fromEntries(fields) as SendOptions["fields"] }),
    };
    push.send(data, options).then(
      () => {
        this.stored++;
        this.bytes += data.length;
      },
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
  }

  /** Waits until all entries are stored. @throws the first error */
  async close(): Promise<void> {
    await Promise.all([...this.#pushes.values()].map((push) => push.close()));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Opens the connection of a stream before its first entry is due. */
  async open(stream: RecordedStream): Promise<void> {
    if (!this.#pushes.has(stream.key)) await this.#open(stream);
  }

  async #open(stream: RecordedStream): Promise<Push> {
    const { remap, dedupe, signal } = this.#options;
    const name = remap.get(stream.stream) ?? stream.stream;
    const device = this.#options.device ?? stream.device;
    await this.#describe(stream, name, device);
    const push = this.#streamer.push(name, { device, dedupe, signal });
    this.#pushes.set(stream.key, push);
    return push;
  }

  /** Stores the recorded metadata, such as the content type, unless the stream has its own. */
  async #describe({ meta }: RecordedStream, name: string, device: string): Promise<void> {
    const recorded: unknown = meta === undefined ? {} : JSON.parse(meta);
    if (!isFilled(recorded)) return;
    const options = { device, signal: this.#options.signal };
    if (!isFilled(await this.#streamer.meta(name, options)))
      await this.#streamer.setMeta(name, recorded, options);
  }
}

const isFilled = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length > 0;
