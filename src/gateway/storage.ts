/** Opens the storage of a gateway: everything that reads or writes Redis. */
import { randomUUID } from "node:crypto";
import { createPresence } from "../devices/presence.ts";
import { within } from "../domain/scheduling/timeout.ts";
import type { Turns } from "../domain/scheduling/turns.ts";
import { maxKeyBytes } from "../domain/streams/stream-name.ts";
import { type AppenderParts, createAppender } from "../redis/append/appender.ts";
import { LargeAppends } from "../redis/append/large-appends.ts";
import { createRetention } from "../redis/append/retention.ts";
import { watchAvailability } from "../redis/availability.ts";
import { createGroups } from "../redis/groups/groups.ts";
import { openStore, type StoreEndpoint } from "../redis/open-store.ts";
import { createEntrySizes, type EntrySizes } from "../redis/read/entry-sizes.ts";
import { createStreamReader } from "../redis/read/stream-reader.ts";
import { DetailsReader } from "../redis/registry/details/details-reader.ts";
import { createMetaWatch } from "../redis/registry/metadata-watch.ts";
import { createRegistry } from "../redis/registry/registry.ts";
import { LargeValues } from "../redis/registry/stored-values.ts";
import { StreamWatch } from "../redis/registry/watch/stream-watch.ts";
import { requireWritableServer, warnOfServer } from "../redis/resp/server/server-check.ts";
import type { Store } from "../redis/store.ts";
import type { Settings } from "../settings.ts";
import type { Observe, Streams } from "../transports/parts.ts";
import { createDeclarations } from "../transports/request/append/declarations.ts";
import type { Closers } from "./closers.ts";

/** Opened storage: appends, reads and the registry. */
export interface Storage extends Omit<Streams, "subscribe" | "turnEnd"> {
  readonly store: Store;
  readonly sizes: EntrySizes;
}

/** Opens the storage of an endpoint. */
export function openStorage(
  settings: Settings,
  endpoint: StoreEndpoint,
  observe: Observe,
  closers: Closers,
  { slices: workSlices, activity }: Turns,
): Storage {
  const { counters, streamClasses, logger } = observe;
  const { streamMaxLength, streamMaxAgeMs: maxAgeMs, streamMaxBytes: maxBytes } = settings;
  const { maxAnswerBytes: answerBytes, pageBytes } = settings;
  const keyBytes = maxKeyBytes(settings.maxNameBytes);
  const sizes = createEntrySizes();
  const store = openStore(settings, endpoint, { sizes, counters, logger });
  closers.push(() => store.close());
  void warnOfServer(store.reads, logger);
  const details = new DetailsReader(store.withoutPayloads);
  const largeValues = new LargeValues(store.largeReads, settings.maxMetaBytes, workSlices);
  const retention = createRetention({
    ...{ commands: store.reads, largeValues, logger },
    defaults: { maxEntries: streamMaxLength, maxAgeMs, maxBytes },
  });
  closers.push(retention.close);
  const readerParts = { sizes, answerBytes, pageBytes };
  const streamReader = createStreamReader({
    ...readerParts,
    reads: store.reads,
    largeReads: store.largeReads,
    replicas: store.replicas,
  });
  const polled = store.openPolledReads((reads, largeReads) =>
    createStreamReader({ ...readerParts, reads, largeReads }),
  );
  const streamWatch = new StreamWatch({
    open: store.openKeyEvents,
    maxKeyBytes: keyBytes,
    workSlices,
    logger,
  });
  closers.push(() => streamWatch.close());
  const appendParts = {
    retention,
    streamMaxLength,
    onStored(key: string, bytes: number) {
      activity.stored(bytes);
      details.appended(key, bytes);
      polled.forget(key);
      streamWatch.stored(key);
    },
    counters,
    logger,
    streamClasses,
  } satisfies Partial<AppenderParts>;
  const availability = watchAvailability({ ping: store.ping, counters, logger });
  closers.push(availability.close);
  const presence = createPresence({
    leases: store.createLeases({ gatewayId: randomUUID(), maxMetaBytes: settings.maxMetaBytes }),
    timeoutMs: settings.deviceTimeoutMs,
    logger,
  });
  closers.push(async () => void (await within(settings.shutdownMs / 8, presence.close())));
  const registry = createRegistry({
    database: store.reads,
    largeReads: store.largeReads,
    largeValues,
    maxKeyBytes: keyBytes,
    streamMaxLength,
    details,
    workSlices,
    onDeleted: (key) => streamWatch.deleted(key),
  });
  const groups = createGroups({ store, streamMaxLength, sizes, counters, logger });
  closers.push(async () => void (await within(settings.shutdownMs / 8, groups.close())));
  const metaWatch = createMetaWatch(store.openMetaTracking, keyBytes, workSlices, observe);
  closers.push(metaWatch.close);
  return {
    store,
    sizes,
    streamReader,
    append: createAppender({ ...appendParts, openSending: store.openSending }),
    largeAppends: new LargeAppends(createAppender({ ...appendParts, openSending: store.openLargeSending })),
    polled: polled.reads,
    availability,
    async isReady() {
      await store.ping();
      await requireWritableServer(store.reads);
    },
    registry,
    declarations: createDeclarations(registry),
    streamWatch,
    metaWatch,
    groups,
    retention,
    presence,
  };
}
