/** Rotation of a picture: a camera may be mounted sideways or upside down. */

/** Clockwise quarter turns. */
export type Turns = 0 | 1 | 2 | 3;

const ALL: readonly Turns[] = [0, 1, 2, 3];

/** Returns the rotation after another quarter turn. */
export const nextTurns = (turns: Turns): Turns => ALL[(turns + 1) % ALL.length] ?? 0;

/** Formats a rotation as degrees: `90`. */
export const formatTurns = (turns: Turns): string => String(turns * 90);

/** Parses degrees; undefined if they are not 0, 90, 180 or 270. */
export const parseTurns = (text: string | undefined): Turns | undefined =>
  ALL.find((turns) => formatTurns(turns) === text);
