/** Clock of a pane: the one of the time bar, or its own while the pane is unpinned. */
import { useComputed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Clock } from "../time/clock.ts";
import type { Workspace } from "./workspace.ts";

/** Returns the state of the workspace with the clock that a pane follows. */
export function usePaneWorkspace(workspace: Workspace, key: string): Workspace {
  const { layout, streamer } = workspace;
  const moment = useComputed(() => layout.paneOf(key)?.moment).value;
  const own = useMemo((): Workspace => {
    if (moment === undefined) return workspace;
    const clock = new Clock(streamer);
    clock.show(moment);
    return { ...workspace, clock };
  }, [workspace, streamer, moment]);
  useEffect(
    () => () => {
      if (own !== workspace) own.clock.stop();
    },
    [own, workspace],
  );
  return own;
}
