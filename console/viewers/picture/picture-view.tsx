/** View of pictures that are drawn into a canvas: fitted, zoomed or turned, with the shapes of detectors over them. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../design/icon.tsx";
import { ReloadOffer } from "../../design/reload-offer.tsx";
import { timeText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { nextTurns } from "../../workspace/turns.ts";
import { entryValue } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { OverlayMenu } from "./overlay-menu.tsx";
import type { CreateScreen, PictureScreen } from "./picture-screen.ts";
import { PictureStage } from "./picture-stage.ts";
import { entryFor, shapesOf } from "./shapes.ts";
import { type Overlays, useOverlays } from "./use-overlays.ts";
import "./picture-view.css";

interface PictureViewProps extends ViewProps {
  /** The same function as long as the stream is the same. */
  readonly createScreen: CreateScreen;
  /** Such as `image`. */
  readonly what: string;
}

/** Interval at which the text below the picture is updated, ms. */
const UPDATE_MS = 500;
/** Minimum interval at which the time of the picture is updated, ms: that of the time bar. */
const TIME_UPDATE_MS = 100;
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
  const isBroken = useSignal(false);
  const shownMs = useSignal<number | undefined>(undefined);
  const shown = useStage(props, box, overlays, {
    shows: (timeMs) => {
      shownMs.value = timeMs;
    },
    describes: (text, zoomed) => {
      facts.value = text;
      isZoomed.value = zoomed;
    },
    breaks: () => {
      isBroken.value = true;
    },
  });
  useEffect(() => shown.current?.stage.turn(turns), [turns]);
  if (isBroken.value) return <ReloadOffer problem="" />;
  return (
    <>
      <div ref={box} class="picture" title="Scroll to zoom, drag to move, double-click to fit" />
      <div class="below">
        <p class="facts">
          <PictureTime shownMs={shownMs} isUtc={workspace.isUtc} />
          {facts}
        </p>
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

interface PictureTimeProps {
  /** Time of the entry of the shown picture, Unix ms; undefined if none is shown. */
  readonly shownMs: ReadonlySignal<number | undefined>;
  readonly isUtc: ReadonlySignal<boolean>;
}

/** Time of the shown picture. A component of its own, so that each picture re-renders only this. */
function PictureTime({ shownMs, isUtc }: PictureTimeProps) {
  const ms = useThrottled(shownMs, TIME_UPDATE_MS).value;
  if (ms === undefined) return null;
  return (
    <>
      <time class="taken" title="Time of the entry with this picture">
        {timeText(ms, isUtc.value)}
      </time>
      {" · "}
    </>
  );
}

/** The stage and the screen on it. */
interface Shown {
  readonly stage: PictureStage;
  readonly screen: PictureScreen;
}

/** Receives what is below the picture. */
interface PictureReport {
  /** @param timeMs time of the entry of the shown picture, Unix ms; undefined if none is shown */
  shows(timeMs: number | undefined): void;
  describes(text: string, isZoomed: boolean): void;
  /** Called if the code that draws pictures cannot be loaded. */
  breaks(): void;
}

/** Draws into an element. */
function useStage(
  { entries, name, what, counted, isLive, workspace, createScreen }: PictureViewProps,
  box: RefObject<HTMLDivElement | null>,
  overlays: Overlays,
  report: PictureReport,
): RefObject<Shown | undefined> {
  const current = useRef<Shown | undefined>(undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let isFirst = true;
    const update = () => report.describes(screen.describe(isLive.peek()), stage.isZoomed);
    const screen = createScreen((entry, size) => {
      stage.drawn(entry, size);
      if (entries.peek().length > 0) report.shows(entry.timeMs);
      if (isFirst) requestAnimationFrame(update);
      isFirst = false;
    }, report.breaks);
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
        if (all.length === 0) report.shows(undefined);
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
