/** Number of line colours in `line-colours.css`. */
export const LINE_COLOURS = 8;
