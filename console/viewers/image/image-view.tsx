/** Image viewer: the newest image of a stream. */
import type { CreateScreen } from "../picture/picture-screen.ts";
import { PictureView } from "../picture/picture-view.tsx";
import type { ViewProps } from "../viewer.ts";
import { ImageCanvas } from "./image-canvas.ts";

const createScreen: CreateScreen = (drawn, broken) => new ImageCanvas(drawn, broken);

/** Renders the image. */
export function ImageView(props: ViewProps) {
  return <PictureView {...props} createScreen={createScreen} what="image" />;
}
