/** Menu that opens all streams in Foxglove or in Lichtblick. */
import { viewerLinks } from "../../src/wire/foxglove/viewer-links.ts";
import { Menu } from "../design/menu.tsx";
import { ViewerLinks } from "../design/viewer-links.tsx";
import { gatewayUrl } from "../page/urls.ts";

/** Renders the menu. @param hasLogin whether viewers need a key */
export const ViewersMenu = ({ hasLogin }: { readonly hasLogin: boolean }) => (
  <Menu label="Open in a viewer" icon="external">
    {() => (
      <>
        <ViewerLinks links={viewerLinks(gatewayUrl())} />
        {hasLogin && (
          <p class="hint">
            Add <code>?key=</code> and a link key to its URL of the gateway.
          </p>
        )}
      </>
    )}
  </Menu>
);
