/** Number of line colours in the style sheet. */
export const LINE_COLOURS = 8;
