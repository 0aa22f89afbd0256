/** Figures of a stream: entries and bytes sent, and not sent. */
import type { Rate } from "./meter.ts";

/** Figures of one stream since it was started. */
export interface Traffic {
  /** Entries that are stored, and their bytes. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Entries and bytes stored per second. */
  readonly rate: Rate;
  /** Entries that wait for the gateway or for its acknowledgement, and their bytes. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Pictures that were left out, because an earlier one was still being sent or the gateway was unreachable. */
  readonly skipped: number;
  /** Entries that were made and are not stored, as far as is known. */
  readonly dropped: number;
  /** Reason of the last drop; empty if there is none. */
  readonly problem: string;
}

/** Figures of a stream that sent nothing. */
export const NO_TRAFFIC: Traffic = {
  sent: 0,
  sentBytes: 0,
  rate: { entries: 0, bytes: 0 },
  waiting: 0,
  waitingBytes: 0,
  skipped: 0,
  dropped: 0,
  problem: "",
};
