/** Image viewer: the newest image of a stream. */
import type { DrawnEvent } from "../picture/picture-screen.ts";
import { PictureView } from "../picture/picture-view.tsx";
import type { ViewProps } from "../viewer.ts";
import { ImageCanvas } from "./image-canvas.ts";

const createScreen = (drawn: DrawnEvent) => new ImageCanvas(drawn);

/** Renders the image. */
export function ImageView(props: ViewProps) {
  return <PictureView {...props} createScreen={createScreen} what="image" />;
}
