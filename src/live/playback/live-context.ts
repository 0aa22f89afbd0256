/** Context of the live delivery that a playback turns into. It ends when the playback returns to the past. */
import type { DeliveryContext } from "../delivery.ts";
import type { StreamState } from "../stream-state.ts";

/** A context that is passed on until it is revoked: reads in flight then have no effect. */
export interface RevocableContext<Frame> extends DeliveryContext<Frame> {
  revoke(): void;
}

/** Creates a context that can be revoked. */
export function revocable<Frame>(context: DeliveryContext<Frame>): RevocableContext<Frame> {
  let isRevoked = false;
  return {
    hub: context.hub,
    pageCache: context.pageCache,
    background: context.background,
    streamReader: context.streamReader,
    entryFrames: context.entryFrames,
    frameKeys: context.frameKeys,
    gaps: context.gaps,
    encoder: context.encoder,
    get states(): readonly StreamState[] {
      return context.states;
    },
    isHalted: () => isRevoked || context.isHalted(),
    reserve: (bytes) => !isRevoked && context.reserve(bytes),
    unreserve: (bytes) => context.unreserve(bytes),
    isMemoryShort: () => context.isMemoryShort(),
    write: (frame) => context.write(frame),
    caughtUp: () => context.caughtUp(),
    onError(error) {
      if (!isRevoked) context.onError(error);
    },
    revoke() {
      isRevoked = true;
    },
  };
}
