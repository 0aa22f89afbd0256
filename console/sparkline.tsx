/** A rate of the last looks as a line as small as a word. What it shows is told beside it in numbers. */

/** Its size, in CSS pixels, as the style sheet has it. */
const WIDTH = 64;
const HEIGHT = 18;
/** Looks from its left to its right. */
const STEPS = 39;

/** The line's path: the newest at the right, the greatest at the top. Empty where nothing came. */
export function sparkPath(values: readonly number[]): string {
  const most = Math.max(...values);
  if (values.length < 2 || !(most > 0)) return "";
  const first = STEPS - values.length + 1;
  return values
    .map((value, i) => {
      const x = (((first + i) / STEPS) * WIDTH).toFixed(1);
      const y = (HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1);
      return `${i === 0 ? "M" : "L"}${x} ${y}`;
    })
    .join("");
}

/** The line. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      <path d={sparkPath(values)} />
    </svg>
  );
}
