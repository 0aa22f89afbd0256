/** Border that the user drags, or moves with the arrow keys, to resize a side. */
import { boundedWidth, MAX_WIDTH, MIN_WIDTH, type Side } from "./sides.ts";

const KEY_STEP = 16;

interface SplitterProps {
  readonly side: Side;
  /** Whether the side is right of the border. */
  readonly isRight?: boolean;
  readonly label: string;
}

/** Renders the border. */
export function Splitter({ side, isRight = false, label }: SplitterProps) {
  const sign = isRight ? -1 : 1;
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={side.width.value}
      aria-valuemin={MIN_WIDTH}
      aria-valuemax={MAX_WIDTH}
      tabIndex={0}
      onPointerDown={({ currentTarget, pointerId }) => currentTarget.setPointerCapture(pointerId)}
      onPointerMove={({ currentTarget, pointerId, movementX }) => {
        if (currentTarget.hasPointerCapture(pointerId))
          side.width.value = boundedWidth(side.width.value + sign * movementX);
      }}
      onDblClick={side.toggle}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -KEY_STEP, ArrowRight: KEY_STEP }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        side.width.value = boundedWidth(side.width.value + sign * by);
      }}
    />
  );
}
