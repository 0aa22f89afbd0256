/** Message in the place of a part of the page whose code cannot be loaded: an upgraded gateway has only that of its own page. */
import { Icon } from "./icon.tsx";

interface ReloadOfferProps {
  /** Message of the browser; empty if it has none. */
  readonly problem: string;
}

/** Renders the message, and a button that loads the page again. The link of the page keeps its panes. */
export const ReloadOffer = ({ problem }: ReloadOfferProps) => (
  <div class="reload-offer center" role="alert">
    <p class="problem">This part of the page cannot be loaded.</p>
    <p class="hint">The gateway may have been upgraded since this page was opened.</p>
    <button type="button" class="primary" onClick={() => location.reload()}>
      <Icon of="turn" small /> Reload the page
    </button>
    {problem !== "" && <p class="hint detail">{problem}</p>}
  </div>
);
