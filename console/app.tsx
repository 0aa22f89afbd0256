/** The page: top bar, list of streams, panes, time bar and inspector. */
import { effect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Streamer } from "../client/browser.ts";
import { Loaded } from "./design/loaded.tsx";
import { watchTheme } from "./page/theme.ts";
import { loginUrl } from "./page/urls.ts";
import { createDialogs } from "./shell/dialogs.ts";
import { watchKeys } from "./shell/keys.ts";
import { KeysHelp } from "./shell/keys-help.tsx";
import { LoadFailure } from "./shell/load-failure.tsx";
import { readSession } from "./shell/session.ts";
import { NARROW, openSides, type Sides } from "./shell/sides.ts";
import { Splitter } from "./shell/splitter.tsx";
import { TopBar } from "./shell/top-bar.tsx";
import { type Listing, watchListing } from "./stream-list/listing.ts";
import { StreamList } from "./stream-list/stream-list.tsx";
import { TimeBar } from "./time/time-bar.tsx";
import { LayoutStore } from "./workspace/layout-store.ts";
import { Panes } from "./workspace/panes.tsx";
import { PageLink } from "./workspace/url-layout.ts";
import { createWorkspace } from "./workspace/workspace.ts";
import "./app.css";

const loadInspector = async () => (await import("./inspector/inspector.tsx")).Inspector;
const loadPalette = async () => (await import("./shell/palette/palette-dialog.tsx")).PaletteDialog;

/** Page of the console: top bar, stream list, panes, inspector and time bar. */
export function App({ streamer }: { readonly streamer: Streamer }) {
  const { workspace, sides, dialogs, stop } = useMemo(() => openPage(streamer), [streamer]);
  useEffect(() => stop, [stop]);
  const { left, right } = sides;
  return (
    <>
      <TopBar workspace={workspace} sides={sides} dialogs={dialogs} />
      <KeysHelp isOpen={dialogs.help} />
      {dialogs.palette.value && (
        <Loaded
          load={loadPalette}
          props={{ targets: { workspace, sides, dialogs } }}
          frame={(message) => (
            <LoadFailure close={() => (dialogs.palette.value = false)}>{message}</LoadFailure>
          )}
        />
      )}
      <ProblemBanner listing={workspace.listing} />
      <div class="columns">
        {left.isOpen.value && (
          <aside
            class="side left"
            aria-label="Streams of the gateway"
            style={{ width: `${left.width.value}px` }}
          >
            <StreamList workspace={workspace} opened={() => innerWidth < NARROW && left.toggle()} />
            <Splitter side={left} label="Width of the stream list" />
          </aside>
        )}
        <main class="middle" aria-label="Open panes">
          <Panes workspace={workspace} />
          {workspace.layout.panes.value.length > 0 && <TimeBar workspace={workspace} />}
        </main>
        {right.isOpen.value && (
          <aside class="side right" aria-label="Selected stream" style={{ width: `${right.width.value}px` }}>
            <Splitter side={right} isRight label="Width of the inspector" />
            <Loaded load={loadInspector} props={{ workspace }} />
          </aside>
        )}
      </div>
    </>
  );
}

function openPage(streamer: Streamer) {
  const link = new PageLink();
  const { layout } = link;
  const listing = watchListing(streamer);
  const theme = watchTheme();
  const layouts = new LayoutStore(localStorage);
  const sides = openSides(localStorage, innerWidth);
  const session = readSession();
  const workspace = createWorkspace({ streamer, listing, layout, layouts, sides, theme, session });
  const { clock } = workspace;
  const dialogs = createDialogs();
  const stopKeys = watchKeys(workspace, dialogs);
  if (link.time !== undefined) clock.seek(link.time);
  link.onTime = (position) => clock.seek(position);
  const stopTime = effect(() => link.setTime(clock.position));
  const stopFolding = foldWhenNarrow(sides);
  return {
    workspace,
    sides,
    dialogs,
    stop() {
      stopTime();
      stopKeys();
      stopFolding();
      workspace.clock.stop();
      listing.stop();
      link.stop();
      theme.stop();
    },
  };
}

/**
 * Folds the sides when the page becomes so narrow that they would cover the panes, and when the user presses on a covered pane.
 *
 * @returns a function that ends it
 */
function foldWhenNarrow({ left, right }: Sides): () => void {
  const narrow = matchMedia(`(width < ${NARROW}px)`);
  const listening = new AbortController();
  const { signal } = listening;
  const fold = () => {
    if (!narrow.matches) return;
    left.isOpen.value = false;
    right.isOpen.value = false;
  };
  const press = ({ target }: PointerEvent) => {
    if (target instanceof Element && target.closest("main") !== null) fold();
  };
  narrow.addEventListener("change", fold, { signal });
  document.addEventListener("pointerdown", press, { signal });
  return () => listening.abort();
}

const PROBLEMS = {
  login: "The gateway requires a login.",
  gateway: "The gateway does not respond. This page reconnects automatically.",
  redis: "The gateway responds, but its Redis does not. This page reconnects automatically.",
  late: "The gateway or its Redis does not respond. The page may be out of date.",
  other: "The list of streams cannot be read:",
} as const;

function ProblemBanner({ listing }: { readonly listing: Listing }) {
  const problem = listing.problem.value;
  return (
    <div role="alert" class="problem banner">
      {problem && `${PROBLEMS[problem.what]} (${problem.message}) `}
      {problem?.what === "login" && <a href={loginUrl()}>Log in</a>}
    </div>
  );
}
