/** The page: server state, list of streams, open panels and open streams. */
import { useEffect, useMemo } from "preact/hooks";
import type { Streamer } from "../client/browser.ts";
import { spanText } from "./page/format.ts";
import { type Layout, PANELS, type Panel, syncLayoutWithUrl } from "./page/layout.ts";
import { ThemeContext, watchTheme } from "./page/theme.ts";
import { ThemeChoice } from "./page/theme-choice.tsx";
import { pageUrl } from "./page/urls.ts";
import { EventsPanel } from "./panels/events-panel.tsx";
import { GatewayPanel } from "./panels/gateway-panel.tsx";
import { type Listing, watchListing } from "./stream-list/listing.ts";
import { StreamList } from "./stream-list/stream-list.tsx";
import { StreamPane } from "./stream-pane/stream-pane.tsx";

/** The whole page. */
export function App({ streamer }: { readonly streamer: Streamer }) {
  const { listing, layout, theme } = useMemo(
    () => ({ listing: watchListing(streamer), layout: syncLayoutWithUrl(), theme: watchTheme() }),
    [streamer],
  );
  useEffect(
    () => () => {
      listing.stop();
      layout.stop();
      theme.stop();
    },
    [listing, layout, theme],
  );
  return (
    <ThemeContext.Provider value={theme}>
      <header class="top">
        <h1>Redis Streamer</h1>
        <ServerState listing={listing} />
        <div class="panels" role="group" aria-label="Panels">
          {PANELS.map((panel) => (
            <button
              key={panel}
              type="button"
              aria-pressed={layout.panels.value.includes(panel)}
              onClick={() => layout.toggle(panel)}
            >
              {PANEL_TITLES[panel]}
            </button>
          ))}
        </div>
        <nav aria-label="More">
          {["docs", "graphql", "metrics"].map((path) => (
            <a key={path} href={pageUrl(path)}>
              {path}
            </a>
          ))}
        </nav>
        <ThemeChoice theme={theme} />
      </header>
      <ProblemBanner listing={listing} />
      <div class="columns">
        <StreamList listing={listing} layout={layout} />
        <Panes streamer={streamer} listing={listing} layout={layout} />
      </div>
    </ThemeContext.Provider>
  );
}

const PANEL_TITLES: Readonly<Record<Panel, string>> = { events: "Events", gateway: "Gateway" };

function ServerState({ listing }: { readonly listing: Listing }) {
  const server = listing.server.value;
  if (server === undefined) return <p class="server">connecting to the gateway …</p>;
  return (
    <p class="server">
      version {server.version}, up {spanText(server.uptimeSeconds * 1000)}; Redis {server.redisVersion},{" "}
      {server.redisMode}
    </p>
  );
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
    <div role="alert" class="problem">
      {problem && `${PROBLEMS[problem.what]} (${problem.message}) `}
      {problem?.what === "login" && <a href={pageUrl("login")}>Log in</a>}
    </div>
  );
}

interface PanesProps {
  readonly streamer: Streamer;
  readonly listing: Listing;
  readonly layout: Layout;
}

function Panes({ streamer, listing, layout }: PanesProps) {
  const panes = layout.panes.value;
  const panels = layout.panels.value;
  return (
    <main class="panes" aria-label="Open streams">
      {panes.length + panels.length === 0 && (
        <p class="hint">Select a stream to view its entries. Several streams are shown side by side.</p>
      )}
      {panels.map((panel) => (
        <section key={panel} class="pane" aria-label={PANEL_TITLES[panel]}>
          <div class="bar">
            <h2>{PANEL_TITLES[panel]}</h2>
            <button
              type="button"
              class="close"
              aria-label={`Close ${PANEL_TITLES[panel]}`}
              onClick={() => layout.toggle(panel)}
            >
              ✕
            </button>
          </div>
          {panel === "events" ? (
            <EventsPanel streamer={streamer} listing={listing} />
          ) : (
            <GatewayPanel streamer={streamer} listing={listing} />
          )}
        </section>
      ))}
      {panes.map((pane) => (
        <StreamPane key={pane.key} pane={pane} streamer={streamer} listing={listing} layout={layout} />
      ))}
    </main>
  );
}
