/** A stream of pictures: the newest, drawn when it is decoded. */
import type { ReadonlySignal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../client/browser.ts";
import { pictureType } from "../content.ts";
import { spanText } from "../format.ts";

interface ImageViewerProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly name: string;
}

/** The picture. While one is decoded those that come are skipped but for the newest. */
export function ImageViewer({ entries, name }: ImageViewerProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const facts = useSignal("");
  useEffect(() => {
    let drawing = false;
    let stopped = false;
    let drawn: PulledEntry | undefined;
    const times: number[] = [];

    async function draw(): Promise<void> {
      if (drawing) return;
      drawing = true;
      for (let next = entries.value.at(-1); next !== undefined && next !== drawn && !stopped; ) {
        drawn = next;
        facts.value = await show(next);
        next = entries.value.at(-1);
      }
      drawing = false;
    }

    async function show(entry: PulledEntry): Promise<string> {
      const type = pictureType(entry.data);
      if (type === undefined) return `entry ${entry.id} is no picture`;
      const picture = await createImageBitmap(
        new Blob([entry.bytes() as Uint8Array<ArrayBuffer>], { type }),
      ).catch(() => undefined);
      const element = canvas.current;
      if (picture === undefined || element === null) return `entry ${entry.id} cannot be decoded`;
      element.width = picture.width;
      element.height = picture.height;
      element.getContext("2d")?.drawImage(picture, 0, 0);
      const size = `${picture.width} × ${picture.height}`;
      picture.close();
      const now = performance.now();
      times.push(now);
      while ((times[0] ?? now) < now - 1000) times.shift();
      return `${size}, ${times.length} fps, ${spanText(Date.now() - entry.timeMs)} old when drawn`;
    }

    const stop = entries.subscribe(() => void draw());
    return () => {
      stopped = true;
      stop();
    };
  }, [entries]);
  return (
    <>
      <canvas ref={canvas} role="img" aria-label={`The newest picture of ${name}`} />
      <p class="facts">{facts}</p>
    </>
  );
}
