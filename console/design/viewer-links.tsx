/** Links to Foxglove and Lichtblick, which open data of the gateway. */
import type { ViewerName } from "../../src/wire/foxglove/viewer-links.ts";
import { Icon } from "./icon.tsx";

/** Names of the viewers. */
const TITLES: Readonly<Record<ViewerName, string>> = { foxglove: "Foxglove", lichtblick: "Lichtblick" };
const NAMES = ["foxglove", "lichtblick"] as const;

/** Renders the links, and what they require. */
export const ViewerLinks = ({ links }: { readonly links: Readonly<Record<ViewerName, string>> }) => (
  <>
    {NAMES.map((name) => (
      <a key={name} href={links[name]} target="_blank" rel="noreferrer">
        <Icon of="external" /> Open in {TITLES[name]}
      </a>
    ))}
    <p class="hint">
      The viewer must be one of <code>ALLOWED_ORIGINS</code>.
    </p>
  </>
);
