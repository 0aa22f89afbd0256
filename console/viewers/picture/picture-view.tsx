/** View of pictures that are drawn into a canvas: fitted, zoomed or turned, with the shapes of detectors over them. */
import { useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../design/icon.tsx";
import { nextTurns } from "../../workspace/turns.ts";
import { entryValue } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { OverlayMenu } from "./overlay-menu.tsx";
import type { DrawnEvent, PictureScreen } from "./picture-screen.ts";
import { PictureStage } from "./picture-stage.ts";
import { entryFor, shapesOf } from "./shapes.ts";
import { type Overlays, useOverlays } from "./use-overlays.ts";
import "./picture-view.css";

interface PictureViewProps extends ViewProps {
  /** The same function as long as the stream is the same. */
  readonly createScreen: (drawn: DrawnEvent) => PictureScreen;
  /** Such as `image`. */
  readonly what: string;
}

/** Interval at which the text below the picture is updated, ms. */
const UPDATE_MS = 500;
/** Maximum time between a picture and the shapes that are drawn over it, ms. */
const TOLERANCE_MS = 250;

/** Renders the picture and a line of text. */
export function PictureView(props: PictureViewProps) {
  const { name, what, workspace } = props;
  const { layout } = workspace;
  const box = useRef<HTMLDivElement>(null);
  const overlays = useOverlays(workspace, name);
  const turns = useComputed(() => layout.paneOf(name)?.turns ?? 0).value;
  const facts = useSignal("");
  const isZoomed = useSignal(false);
  const shown = useStage(props, box, overlays, (text, zoomed) => {
    facts.value = text;
    isZoomed.value = zoomed;
  });
  useEffect(() => shown.current?.stage.turn(turns), [turns]);
  return (
    <>
      <div ref={box} class="picture" title="Scroll to zoom, drag to move, double-click to fit" />
      <div class="below">
        <p class="facts">{facts}</p>
        {isZoomed.value && (
          <button type="button" class="quiet" onClick={() => shown.current?.stage.fit()}>
            <Icon of="expand" /> Fit
          </button>
        )}
        <button
          type="button"
          class="quiet icon"
          aria-label={`Turn the ${what} clockwise`}
          title={`Turn the ${what} clockwise`}
          onClick={() => layout.change(name, { turns: nextTurns(turns) })}
        >
          <Icon of="turn" />
        </button>
        <button
          type="button"
          class="quiet icon"
          aria-label={`Save this ${what}`}
          title={`Save this ${what}`}
          onClick={() => shown.current?.screen.save(name)}
        >
          <Icon of="down" />
        </button>
        <OverlayMenu overlays={overlays} />
      </div>
    </>
  );
}

/** The stage and the screen on it. */
interface Shown {
  readonly stage: PictureStage;
  readonly screen: PictureScreen;
}

/** Draws into an element. @param report receives the text below the picture, and whether it is zoomed */
function useStage(
  { entries, name, what, counted, isLive, workspace, createScreen }: PictureViewProps,
  box: RefObject<HTMLDivElement | null>,
  overlays: Overlays,
  report: (text: string, isZoomed: boolean) => void,
): RefObject<Shown | undefined> {
  const current = useRef<Shown | undefined>(undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let isFirst = true;
    const update = () => report(screen.describe(isLive.peek()), stage.isZoomed);
    const screen = createScreen((entry, size) => {
      stage.drawn(entry, size);
      if (isFirst) requestAnimationFrame(update);
      isFirst = false;
    });
    screen.canvas.setAttribute("role", "img");
    screen.canvas.setAttribute("aria-label", `The newest ${what} of ${name}`);
    const stage = new PictureStage(element, screen, (entry, size) =>
      overlays.feeds.peek().map((feed, index) => {
        const found = entryFor(feed.entries.peek(), entry, TOLERANCE_MS);
        return { index, shapes: found === undefined ? [] : shapesOf(entryValue(found), size) };
      }),
    );
    stage.turn(workspace.layout.paneOf(name)?.turns ?? 0);
    current.current = { stage, screen };
    const timer = setInterval(update, UPDATE_MS);
    const stops = [
      counted.subscribe((counters) => screen.count?.(counters)),
      entries.subscribe((all) => {
        stage.setEmpty(all.length === 0);
        screen.show(all);
      }),
      overlays.feeds.subscribe((feeds) => stage.redrawWith(feeds.map((feed) => feed.entries))),
    ];
    return () => {
      for (const stop of stops) stop();
      clearInterval(timer);
      stage.stop();
      screen.stop();
      current.current = undefined;
    };
  }, [entries, name, counted, createScreen]);
  return current;
}
