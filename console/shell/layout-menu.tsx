/** Menu of layouts: those that the user has saved, those on offer for the listed streams, and the link of the current one. */
import { useSignal } from "@preact/signals";
import { CopyButton } from "../design/copy-button.tsx";
import { Icon } from "../design/icon.tsx";
import { Menu } from "../design/menu.tsx";
import { errorText } from "../page/format.ts";
import { formatLayout, parseLayout } from "../workspace/layout-link.ts";
import { presetsOf } from "../workspace/presets.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { exportLayout, importLayout } from "./layout-transfer.ts";
import { linkOf, linkTitle } from "./link.ts";
import "./layout-menu.css";

/** Renders the menu. */
export function LayoutMenu({ workspace }: { readonly workspace: Workspace }) {
  const { layout, layouts: store, listing } = workspace;
  const message = useSignal("");
  const presets = presetsOf(listing.streams.value ?? []);
  const hasPanes = layout.panes.value.length > 0;
  const open = async (close: () => void) => {
    message.value = "";
    try {
      if (await importLayout(layout)) close();
    } catch (error) {
      message.value = errorText(error);
    }
  };
  return (
    <Menu label="Layouts" icon="layout">
      {(close) => (
        <>
          {store.layouts.value.length > 0 && <h2>Saved in this browser</h2>}
          {store.layouts.value.map(({ name, link }) => (
            <span key={name} class="saved">
              <button
                type="button"
                class="quiet"
                onClick={() => {
                  layout.show(parseLayout(`#${link}`));
                  close();
                }}
              >
                {name}
              </button>
              <button
                type="button"
                class="quiet icon"
                aria-label={`Remove the layout ${name}`}
                title="Remove"
                onClick={() => store.remove(name)}
              >
                <Icon of="close" small />
              </button>
            </span>
          ))}
          {presets.length > 0 && <h2>For the listed streams</h2>}
          {presets.map(({ title, keys }) => (
            <button
              key={title}
              type="button"
              class="quiet"
              onClick={() => {
                layout.openOnly(keys);
                close();
              }}
            >
              {title}
            </button>
          ))}
          {hasPanes && (
            <>
              <h2>The open panes</h2>
              <form
                class="save-layout"
                onSubmit={(event) => {
                  event.preventDefault();
                  const field = event.currentTarget.elements.namedItem("name");
                  if (!(field instanceof HTMLInputElement)) return;
                  store.save(field.value, formatLayout(layout.stored));
                  field.value = "";
                }}
              >
                <input
                  name="name"
                  aria-label="Name of the layout"
                  placeholder="Name"
                  autocomplete="off"
                  required
                />
                <button type="submit">Save</button>
              </form>
              <CopyButton
                text={() => linkOf(workspace, location.href)}
                label={linkTitle(workspace)}
                icon="link"
                isQuiet
              />
              <button type="button" class="quiet" onClick={() => exportLayout(layout)}>
                <Icon of="down" small /> Export as a file
              </button>
            </>
          )}
          <h2>From a file</h2>
          <button type="button" class="quiet" onClick={() => void open(close)}>
            <Icon of="up" small /> Import a file
          </button>
          <p role="status" class="hint">
            {message}
          </p>
        </>
      )}
    </Menu>
  );
}
