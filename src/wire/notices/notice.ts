/** Notices to a reader: messages that are objects, where entries are lists. */
import type { gapOf } from "./gap-notice.ts";
import type { PlaybackNotice } from "./playback-notice.ts";
import type { statusOf } from "./status-notice.ts";
import type { StreamNotice } from "./stream-notice.ts";

/** A notice as it is encoded: of `gaps=1`, `status=1` and `joins=1`, or the state of a playback. */
export type Notice =
  | ReturnType<typeof gapOf>
  | ReturnType<typeof statusOf>
  | StreamNotice
  | { readonly state: PlaybackNotice };
