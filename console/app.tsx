/** The page: what answers, the list of streams, and those that are open. */
import { useEffect, useMemo } from "preact/hooks";
import type { Streamer } from "../client/browser.ts";
import { spanText } from "./format.ts";
import { followAddress, type Layout } from "./layout.ts";
import { type Listing, watchListing } from "./listing.ts";
import { pageUrl } from "./place.ts";
import { StreamList } from "./stream-list.tsx";
import { StreamPane } from "./stream-pane.tsx";
import { ThemeContext, watchTheme } from "./theme.ts";
import { ThemeChoice } from "./theme-choice.tsx";

/** The whole page. */
export function App({ streamer }: { readonly streamer: Streamer }) {
  const { listing, layout, theme } = useMemo(
    () => ({ listing: watchListing(streamer), layout: followAddress(), theme: watchTheme() }),
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

function ServerState({ listing }: { readonly listing: Listing }) {
  const server = listing.server.value;
  if (server === undefined) return <p class="server">looking for the gateway …</p>;
  return (
    <p class="server">
      version {server.version}, up {spanText(server.uptimeSeconds * 1000)}; Redis {server.redisVersion},{" "}
      {server.redisMode}
    </p>
  );
}

const PROBLEMS = {
  login: "The gateway wants to know who asks.",
  gateway: "The gateway does not answer. This page goes on by itself when it does.",
  redis: "The gateway answers, but its Redis does not. This page goes on by itself when it does.",
  other: "The list cannot be read:",
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
  return (
    <main class="panes" aria-label="Open streams">
      {panes.length === 0 && (
        <p class="hint">Choose a stream to see what is in it. Several stand side by side.</p>
      )}
      {panes.map((pane) => (
        <StreamPane key={pane.key} pane={pane} streamer={streamer} listing={listing} layout={layout} />
      ))}
    </main>
  );
}
