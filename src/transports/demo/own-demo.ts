/** The demo of this process: at most one device, which a thread plays. */
import { type Owner, visitorOf } from "../../access/owner.ts";
import type { FromDemoThread, ToDemoThread } from "../../demo/thread/demo-messages.ts";
import { GatewayError } from "../../domain/errors.ts";
import { IdleThread } from "../../threads/idle-thread.ts";
import type { TransportParts } from "../parts.ts";
import { DemoDevice } from "./demo-device.ts";
import type { Demo, DemoStatus } from "./demo-status.ts";

/** Demo of this process. */
export class OwnDemo implements Demo {
  readonly #parts: TransportParts;
  readonly #isEnabled: boolean;
  #device: DemoDevice | undefined;
  #isClosing = false;
  readonly #thread = new IdleThread<ToDemoThread, FromDemoThread>({
    ...{ script: "demo-thread", work: "plays the demo device" },
    onMessage: (readings) => this.#device?.add(readings),
    onFailed: (error) => {
      this.#parts.observe.logger.error({ err: error }, "the demo device ended");
      this.#forget();
    },
  });

  /** @param isEnabled `DEMO` */
  constructor(parts: TransportParts, isEnabled: boolean) {
    this.#parts = parts;
    this.#isEnabled = isEnabled;
  }

  async status(): Promise<DemoStatus | null> {
    return this.#device?.status() ?? null;
  }

  async start(device: string, owner: Owner): Promise<DemoStatus> {
    if (!this.#isEnabled)
      throw new GatewayError("NOT_ENABLED", "the demo device is disabled; set DEMO=1 to enable it");
    const { logger } = this.#parts.observe;
    const present = this.#device;
    if (present?.name === device && present.isPlaying) return present.status();
    const next = new DemoDevice(device, visitorOf(owner, "demo"), this.#parts);
    await next.open(() => this.#rest());
    if (this.#isClosing) {
      next.close();
      throw new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");
    }
    // Another request may have started one meanwhile.
    this.#forget();
    this.#device = next;
    this.#thread.running()("start");
    logger.info({ device, owner: owner.name }, "the demo device is being played");
    return next.status();
  }

  async stop(): Promise<void> {
    if (this.#device === undefined) return;
    this.#parts.observe.logger.info({ device: this.#device.name }, "the demo device was stopped");
    this.#forget();
    this.#rest();
  }

  /** Ends the device and the thread. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#forget();
    await this.#thread.close();
  }

  #forget(): void {
    this.#device?.close();
    this.#device = undefined;
  }

  /** Stops the thread, which ends if nothing is started soon. */
  #rest(): void {
    if (!this.#thread.isRunning) return;
    this.#thread.running()("stop");
    this.#thread.endSoon();
  }
}
