/** The playbacks of a gateway: at most one of each recording, and a limited number of all. */
import { type Owner, visitorOf } from "../../../access/owner.ts";
import { GatewayError } from "../../../domain/errors.ts";
import { playTargets } from "../../../recordings/play/targets.ts";
import { PlayReader } from "../../../recordings/play/thread/play-reader.ts";
import type { PlaybackChange, PlaybackRequest } from "../../../recordings/playback-status.ts";
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import type { Recording, RecordingParts } from "../recording.ts";
import { Playback, type PlaybackPlan } from "./playback.ts";
import { playedRange } from "./playback-request.ts";

/** A playback that is opened or in progress. */
interface Running {
  readonly playback: Playback;
  /** Resolves when it is over, or could not be opened. */
  over: Promise<void>;
}

/** Running playbacks of a gateway, at most one per recording. */
export class Playbacks {
  readonly #parts: RecordingParts;
  readonly #max: number;
  readonly #reader = new PlayReader();
  readonly #running = new Map<string, Running>();
  #isClosing = false;

  /** @param max maximum number at a time */
  constructor(parts: RecordingParts, max: number) {
    this.#parts = parts;
    this.#max = max;
  }

  /** Completes the status of a recording that is being played. */
  withStatus(status: RecordingStatus): RecordingStatus {
    const running = this.#running.get(status.name);
    return running === undefined ? status : { ...status, playback: running.playback.status() };
  }

  /** Starts to play a recording. @throws GatewayError */
  async start(recording: Recording, request: PlaybackRequest, owner: Owner): Promise<void> {
    const status = recording.status();
    this.#checkRoom(status);
    const playback = new Playback(this.#planOf(status, request, owner), this.#parts);
    const running: Running = { playback, over: Promise.resolve() };
    this.#running.set(status.name, running);
    const opened = playback.open(this.#reader).then(() => recording.setPlayback(playback.status()));
    running.over = opened
      .then(async () => {
        const last = await playback.run();
        const stored = recording.setPlayback(last);
        this.#running.delete(status.name);
        await stored;
      })
      .catch(() => void this.#running.delete(status.name));
    await opened;
    const { observe } = this.#parts;
    observe.logger.info({ recording: status.name, owner: owner.name }, "a playback of a recording started");
  }

  /** Changes the playback of a recording. @throws GatewayError NOT_FOUND if it cannot be paused, because there is none */
  async change(name: string, change: PlaybackChange): Promise<void> {
    const running = this.#running.get(name);
    if (change === "stop") {
      running?.playback.stop({ state: "stopped", error: null });
      await running?.over;
      return;
    }
    if (running === undefined)
      throw new GatewayError("NOT_FOUND", `the recording ${name} is not being played`);
    running.playback.setPaused(change === "pause");
  }

  /** Ends all playbacks. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const all = [...this.#running.values()];
    for (const { playback } of all) playback.stop({ state: "interrupted", error: "the gateway stopped" });
    await Promise.all(all.map(({ over }) => over));
    await this.#reader.close();
  }

  #planOf(status: RecordingStatus, request: PlaybackRequest, owner: Owner): PlaybackPlan {
    const { directory, config } = this.#parts;
    const { name, started, files } = status;
    return {
      ...{ name, started, request },
      paths: files.map(({ file }) => directory.pathOf(file)),
      targets: playTargets(status, request, config),
      ...playedRange(status, request),
      visitor: visitorOf(owner, `play-${name}`),
    };
  }

  /** @throws GatewayError if the recording cannot be played now */
  #checkRoom({ name, state, entries, files }: RecordingStatus): void {
    if (this.#isClosing) throw new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");
    if (state === "recording")
      throw new GatewayError("RECORDING_BUSY", `the recording ${name} is in progress; stop it first`);
    if (this.#running.has(name))
      throw new GatewayError("RECORDING_BUSY", `the recording ${name} is being played; stop that first`);
    const damaged = files.find((file) => file.state === "damaged");
    if (damaged !== undefined)
      throw new GatewayError("RECORDING_UNPLAYABLE", `the file ${damaged.file} is damaged or missing`);
    if (entries === 0) throw new GatewayError("RECORDING_UNPLAYABLE", `the recording ${name} has no entries`);
    if (this.#running.size >= this.#max)
      throw new GatewayError(
        "TOO_MANY_PLAYBACKS",
        `the gateway has reached its limit of ${this.#max} playbacks at a time`,
      );
  }
}
