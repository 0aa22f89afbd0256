/** Sparkline of the last rates. It is decorative: the rate is displayed as a number next to it. */
import "./sparkline.css";

/** Size of the drawing, which `sparkline.css` scales. */
const WIDTH = 64;
const HEIGHT = 18;
/** Number of steps from left to right. */
const STEPS = 39;

/** Returns the SVG path: newest value at the right, maximum at the top. Empty if all values are 0. */
export function sparkPath(values: readonly number[]): string {
  const max = Math.max(...values);
  if (values.length < 2 || !(max > 0)) return "";
  const first = STEPS - values.length + 1;
  return values
    .map((value, i) => {
      const x = (((first + i) / STEPS) * WIDTH).toFixed(1);
      const y = (HEIGHT - 1 - (value / max) * (HEIGHT - 2)).toFixed(1);
      return `${i === 0 ? "M" : "L"}${x} ${y}`;
    })
    .join("");
}

/** Renders the sparkline. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      <path d={sparkPath(values)} />
    </svg>
  );
}
