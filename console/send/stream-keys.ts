/** Keys of the streams that this page sends: they begin with the name of the device, unless the gateway has no devices. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { isObject } from "../../client/gateway/graphql.ts";
import { pageUrl } from "../page/urls.ts";

/** With `DISABLE_MULTI_DEVICE_PREFIXING`, the GraphQL schema has no devices. */
const QUERY = '{ type: __type(name: "Device") { name } }';

/** Requests whether the gateway has devices. */
export const requestDevices = (): Promise<Response> =>
  fetch(pageUrl("graphql"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: QUERY }),
  });

/** Knows how the gateway names streams. */
export class StreamKeys {
  readonly #request: () => Promise<Pick<Response, "ok" | "json">>;
  readonly #hasDevices = signal(true);

  /** @param request see `requestDevices` */
  constructor(request: () => Promise<Pick<Response, "ok" | "json">>) {
    this.#request = request;
  }

  /** Whether keys begin with a device; true until the gateway has answered. */
  get hasDevices(): ReadonlySignal<boolean> {
    return this.#hasDevices;
  }

  /** Requests it again: the gateway may have been unreachable. */
  async check(): Promise<void> {
    try {
      const response = await this.#request();
      const answer: unknown = response.ok ? await response.json() : undefined;
      if (isObject(answer) && isObject(answer.data)) this.#hasDevices.value = isObject(answer.data.type);
    } catch {
      // The gateway is unreachable, which the connections report.
    }
  }

  /** Returns the key of a stream. */
  of(device: string, stream: string): string {
    return this.#hasDevices.value ? `${device}:${stream}` : stream;
  }
}
