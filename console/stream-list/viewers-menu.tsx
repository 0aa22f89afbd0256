/** Menu that opens all streams in Foxglove or in Lichtblick. */
import { viewerLinks } from "../../src/wire/foxglove/viewer-links.ts";
import { Icon } from "../design/icon.tsx";
import { Menu } from "../design/menu.tsx";
import { gatewayUrl } from "../page/urls.ts";

/** Renders the menu. @param hasLogin whether viewers need a key */
export function ViewersMenu({ hasLogin }: { readonly hasLogin: boolean }) {
  const { foxglove, lichtblick } = viewerLinks(gatewayUrl());
  return (
    <Menu label="Open in a viewer" icon="external">
      {() => (
        <>
          <ViewerLink href={foxglove} text="Open in Foxglove" />
          <ViewerLink href={lichtblick} text="Open in Lichtblick" />
          <p class="hint">
            The viewer must be one of <code>ALLOWED_ORIGINS</code>.
            {hasLogin && (
              <>
                {" "}
                Add <code>?key=</code> and a link key to its URL of the gateway.
              </>
            )}
          </p>
        </>
      )}
    </Menu>
  );
}

function ViewerLink({ href, text }: { readonly href: string; readonly text: string }) {
  return (
    <a href={href} target="_blank" rel="noreferrer">
      <Icon of="external" /> {text}
    </a>
  );
}
