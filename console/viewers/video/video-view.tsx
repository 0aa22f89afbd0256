/** Video viewer: the newest picture of an H.264 or H.265 stream. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../design/icon.tsx";
import { declaredEssence } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { codecOfType } from "./access-unit.ts";
import { VideoScreen } from "./video-screen.ts";
import "./video-view.css";

/** Interval at which the text below the picture is updated, ms. */
const UPDATE_MS = 500;

/** Renders the picture and a line of text. */
export function VideoView({ entries, name, meta, isLive }: ViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const current = useRef<VideoScreen | undefined>(undefined);
  const facts = useSignal("");
  useEffect(() => {
    if (canvas.current === null) return;
    const screen = new VideoScreen(canvas.current);
    current.current = screen;
    const timer = setInterval(() => (facts.value = screen.describe(isLive.peek())), UPDATE_MS);
    const stop = entries.subscribe((all) => {
      const newest = all.at(-1);
      const essence = newest === undefined ? undefined : declaredEssence(newest, meta.peek());
      screen.show(essence === undefined ? undefined : codecOfType(essence), all);
    });
    return () => {
      stop();
      clearInterval(timer);
      screen.stop();
      current.current = undefined;
    };
  }, [entries, name]);
  return (
    <>
      <div class="video">
        <canvas ref={canvas} role="img" aria-label={`The newest picture of ${name}`} />
      </div>
      <div class="below">
        <p class="facts">{facts}</p>
        <button
          type="button"
          class="quiet icon"
          aria-label="Save this picture"
          title="Save this picture"
          onClick={() => current.current?.save(name)}
        >
          <Icon of="down" />
        </button>
      </div>
    </>
  );
}
