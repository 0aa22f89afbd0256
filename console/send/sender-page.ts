/** State of the page: the device, its sources and the connections. */
import { computed, effect, type ReadonlySignal } from "@preact/signals";
import type { Status } from "../../client/browser.ts";
import { gatewayUrl, pageUrl } from "../page/urls.ts";
import { Account } from "./account.ts";
import { type ConnectionText, connectionText } from "./connection-text.ts";
import { type DeviceName, readDeviceName } from "./device-name.ts";
import { FILE_STREAM, FileSender } from "./files/file-sender.ts";
import { Sender } from "./sending/sender.ts";
import type { PushClient } from "./sending/stream-push.ts";
import { type Browser, thisBrowser } from "./sources/availability.ts";
import { SOURCES } from "./sources/sources.ts";
import { requestDevices, StreamKeys } from "./stream-keys.ts";
import { keepScreenOn } from "./wake-lock.ts";

/** State of the page: the device and its sources. */
export interface SenderPage {
  readonly device: DeviceName;
  readonly senders: readonly Sender[];
  readonly files: FileSender;
  readonly account: Account;
  readonly keys: StreamKeys;
  readonly browser: Browser;
  /** Undefined if there is no connection. */
  readonly connection: ReadonlySignal<ConnectionText | undefined>;
  /** Whether anything is sent. The name is fixed then. */
  readonly isActive: ReadonlySignal<boolean>;
  /** Link that opens the sent streams in the console. */
  readonly consoleUrl: ReadonlySignal<string>;
  stop(): void;
}

/** Opens the page. */
export function openSenderPage(client: PushClient): SenderPage {
  const account = new Account(() => fetch(pageUrl("session")));
  const keys = new StreamKeys(requestDevices);
  const check = () => {
    void account.check();
    void keys.check();
  };
  check();
  const device = readDeviceName(
    localStorage,
    new URLSearchParams(location.search).get("device"),
    firstName(navigator.userAgent),
  );
  device.store();
  const senders = SOURCES.map((source) => new Sender(source, client));
  const files = new FileSender(client);
  const all = [...senders, files];
  const statuses = computed(() => all.map(({ status }) => status.value).filter((one) => one !== undefined));
  const isActive = computed(() => all.some((one) => one.isActive));
  // Without HTTPS there is no `wakeLock`, and the async function rejects.
  const stopScreen = keepScreenOn(isActive, async () => navigator.wakeLock.request("screen"), document);
  const stopChecks = effect(() => {
    if (statuses.value.some(isUnreachable)) check();
  });
  // The page may be kept by the browser and shown again: the camera must be off meanwhile.
  const discard = () => {
    for (const one of all) one.discard();
  };
  addEventListener("pagehide", discard);
  return {
    ...{ device, senders, files, account, keys, isActive },
    browser: thisBrowser(),
    connection: computed(() => connectionText(statuses.value)),
    consoleUrl: computed(() => {
      const sent = senders.filter((one) => one.isActive || one.traffic.value.sent > 0);
      const names: string[] = sent.map(({ source }) => source.name);
      if (files.state.value.kind === "sending" || files.state.value.kind === "done") names.push(FILE_STREAM);
      const open = new URLSearchParams(names.map((name) => ["open", keys.of(device.name.value, name)]));
      return gatewayUrl() + (names.length > 0 ? `#${open}` : "");
    }),
    stop() {
      removeEventListener("pagehide", discard);
      discard();
      stopChecks();
      stopScreen();
    },
  };
}

/** Whether an attempt to connect failed, for example because the login has expired. */
const isUnreachable = ({ state }: Status): boolean => state === "waiting";

/** Returns a name for a first visit: the kind of the device, and a number, so that two phones do not write the same streams. */
function firstName(userAgent: string): string {
  const kind = /iPhone|iPad|Android|Mobile/.exec(userAgent)?.[0]?.toLowerCase() ?? "computer";
  const [number = 0] = crypto.getRandomValues(new Uint16Array(1));
  return `${kind}-${number % 1000}`;
}
