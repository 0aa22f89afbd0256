/** All attacks. */
import type { Attack } from "../hostile/attack.ts";
import { COSTLY } from "./costly.ts";
import { DEEP } from "./deep.ts";
import { FOXGLOVE } from "./foxglove.ts";
import { HUGE_ATTACKS } from "./huge.ts";
import { MALFORMED } from "./malformed.ts";
import { MANY } from "./many.ts";
import { PIPELINED } from "./pipelined.ts";
import { PLAYBACK } from "./playback.ts";
import { RECORDINGS } from "./recordings.ts";
import { SLOW } from "./slow.ts";
import { UNREAD } from "./unread.ts";
import { WORK } from "./work.ts";

/** Rows of all tables; names are unique. */
export const ATTACKS: readonly Attack[] = [
  ...SLOW,
  ...UNREAD,
  ...PIPELINED,
  ...HUGE_ATTACKS,
  ...DEEP,
  ...COSTLY,
  ...MANY,
  ...PLAYBACK,
  ...WORK,
  ...FOXGLOVE,
  ...RECORDINGS,
  ...MALFORMED,
];
