/** The demo of this process: at most one device, which a thread plays. */
import { authorize } from "../../access/identity/authorize.ts";
import { identityOf, type Owner, visitorOf } from "../../access/owner.ts";
import type { FromDemoThread, ToDemoThread } from "../../demo/thread/demo-messages.ts";
import { GatewayError } from "../../domain/errors.ts";
import { within } from "../../domain/scheduling/timeout.ts";
import { IdleThread } from "../../threads/idle-thread.ts";
import type { TransportParts } from "../parts.ts";
import { DemoDevice } from "./demo-device.ts";
import { type Demo, type DemoStatus, demoKeys } from "./demo-status.ts";

/** Time in ms for which a stop waits for the entries that are on their way to Redis. */
const SETTLE_MS = 1000;

/** Demo of this process. */
export class OwnDemo implements Demo {
  readonly #parts: TransportParts;
  #device: DemoDevice | undefined;
  #isClosing = false;
  readonly #thread = new IdleThread<ToDemoThread, FromDemoThread>({
    ...{ script: "demo-thread", work: "plays the demo device" },
    onMessage: (readings) => this.#device?.add(readings),
    onFailed: (error) => this.#device?.fail(new GatewayError("INTERNAL", error.message)),
  });

  constructor(parts: TransportParts) {
    this.#parts = parts;
  }

  async status(): Promise<DemoStatus | null> {
    return this.#device?.status() ?? null;
  }

  async start(device: string, owner: Owner): Promise<DemoStatus> {
    const { logger } = this.#parts.observe;
    const present = this.#device;
    if (present?.name === device && present.isPlaying) return present.status();
    const next = new DemoDevice(device, visitorOf(owner, "demo"), this.#parts);
    await next.open(() => this.#rest());
    if (this.#isClosing) {
      next.close();
      throw new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");
    }
    try {
      // Another request may have started one meanwhile.
      if (this.#device?.isPlaying) authorize(identityOf(owner), "write", demoKeys(this.#device.name));
      this.#thread.running()("start");
    } catch (error) {
      next.close();
      throw error;
    }
    this.#forget();
    this.#device = next;
    logger.info({ device, owner: owner.name }, "the demo device is being played");
    return next.status();
  }

  async stop(): Promise<void> {
    const device = this.#device;
    if (device === undefined) return;
    this.#parts.observe.logger.info({ device: device.name }, "the demo device was stopped");
    this.#forget();
    this.#rest();
    await within(SETTLE_MS, device.settled());
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
