/** Video viewer: the newest picture of an H.264 or H.265 stream. */
import { useCallback } from "preact/hooks";
import { declaredEssence } from "../content.ts";
import type { DrawnEvent } from "../picture/picture-screen.ts";
import { PictureView } from "../picture/picture-view.tsx";
import type { ViewProps } from "../viewer.ts";
import { codecOfType } from "./access-unit.ts";
import { VideoScreen } from "./video-screen.ts";

/** Renders the video. */
export function VideoView(props: ViewProps) {
  const { meta } = props;
  const createScreen = useCallback(
    (drawn: DrawnEvent) =>
      new VideoScreen(drawn, (entry) => codecOfType(declaredEssence(entry, meta.peek()) ?? "")),
    [meta],
  );
  return <PictureView {...props} createScreen={createScreen} what="picture" />;
}
