/** Image viewer: the newest image of a stream, fitted or zoomed, with the shapes of detectors over it. */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../design/icon.tsx";
import { Menu } from "../../design/menu.tsx";
import { entryValue } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { ImageStage } from "./image-stage.ts";
import { entryFor, shapesOf } from "./shapes.ts";
import { type Overlays, useOverlays } from "./use-overlays.ts";
import "./image-view.css";

/** Interval at which the text below the image is updated, ms. */
const UPDATE_MS = 500;
/** Maximum time between an image and the shapes that are drawn over it, ms. */
const TOLERANCE_MS = 250;

/** Renders the image and a line of text. */
export function ImageView(props: ViewProps) {
  const { name, workspace } = props;
  const box = useRef<HTMLDivElement>(null);
  const overlays = useOverlays(workspace, name);
  const facts = useSignal("");
  const isZoomed = useSignal(false);
  const stage = useStage(props, box, overlays, (text, zoomed) => {
    facts.value = text;
    isZoomed.value = zoomed;
  });
  return (
    <>
      <div ref={box} class="picture" title="Scroll to zoom, drag to move, double-click to fit" />
      <div class="below">
        <p class="facts">{facts}</p>
        {isZoomed.value && (
          <button type="button" class="quiet" onClick={() => stage.current?.fit()}>
            <Icon of="expand" /> Fit
          </button>
        )}
        <button
          type="button"
          class="quiet icon"
          aria-label="Save this image"
          title="Save this image"
          onClick={() => stage.current?.save(name)}
        >
          <Icon of="down" />
        </button>
        <OverlayMenu overlays={overlays} />
      </div>
    </>
  );
}

function OverlayMenu({ overlays }: { readonly overlays: Overlays }) {
  const count = overlays.selected.value.length;
  if (overlays.candidates.value.length === 0) return null;
  return (
    <Menu label="Overlays" icon="boxes" text={count === 0 ? "Overlays" : `Overlays: ${count}`} side="up">
      {() => (
        <>
          <h3>Draw the boxes of</h3>
          {overlays.candidates.value.map((key) => (
            <label key={key}>
              <input
                type="checkbox"
                checked={overlays.selected.value.includes(key)}
                onChange={() => overlays.toggle(key)}
              />
              {key}
            </label>
          ))}
        </>
      )}
    </Menu>
  );
}

/** Draws into an element. @param report receives the text below the image, and whether it is zoomed */
function useStage(
  { entries, name, counted, isLive }: ViewProps,
  box: RefObject<HTMLDivElement | null>,
  overlays: Overlays,
  report: (text: string, isZoomed: boolean) => void,
): RefObject<ImageStage | undefined> {
  const current = useRef<ImageStage | undefined>(undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const update = () => report(stage.describe(isLive.peek()), stage.isZoomed);
    const stage = new ImageStage(element, name, update, (entry, size) =>
      overlays.feeds.peek().map((feed, index) => {
        const found = entryFor(feed.entries.peek(), entry, TOLERANCE_MS);
        return { index, shapes: found === undefined ? [] : shapesOf(entryValue(found), size) };
      }),
    );
    current.current = stage;
    const timer = setInterval(update, UPDATE_MS);
    const stops = [
      counted.subscribe((counters) => stage.count(counters)),
      entries.subscribe((all) => stage.show(all.at(-1))),
      overlays.feeds.subscribe((feeds) => stage.redrawWith(feeds.map((feed) => feed.entries))),
    ];
    return () => {
      for (const stop of stops) stop();
      clearInterval(timer);
      stage.stop();
      current.current = undefined;
    };
  }, [entries, name, counted]);
  return current;
}
