/** The area of panes. */
import { useEffect, useRef } from "preact/hooks";
import { Dock } from "./dock.ts";
import "./dockview.css";
import "./dock.css";
import { paneParts } from "./pane-parts.tsx";
import type { Workspace } from "./workspace.ts";

/** Renders the area. */
export function Panes({ workspace }: { readonly workspace: Workspace }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current === null) return;
    const dock = new Dock(box.current, workspace.layout, paneParts(workspace));
    return () => dock.stop();
  }, [workspace]);
  return <div class="dock" ref={box} />;
}
