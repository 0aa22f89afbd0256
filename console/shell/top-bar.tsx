/** Top bar: name, panels, state of the connection, theme, and more. */
import { Icon, type IconName } from "../design/icon.tsx";
import { Logo } from "../design/logo.tsx";
import { Menu } from "../design/menu.tsx";
import { spanText } from "../page/format.ts";
import { loginUrl, pageUrl } from "../page/urls.ts";
import { PANEL_LOOKS } from "../panels/panels.ts";
import type { Listing } from "../stream-list/listing.ts";
import { type Layout, PANELS, type Panel } from "../workspace/layout.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { connectionState } from "./connection.ts";
import type { Dialogs } from "./dialogs.ts";
import { LayoutMenu } from "./layout-menu.tsx";
import { logOut } from "./log-out.ts";
import { isAuthenticated, mayAdminister } from "./session.ts";
import type { Sides } from "./sides.ts";
import { ThemeMenu } from "./theme-menu.tsx";
import "./top-bar.css";

/** Maximum number of permissions listed in the menu. */
const MAX_PERMISSIONS = 20;

interface TopBarProps {
  readonly workspace: Workspace;
  readonly sides: Sides;
  readonly dialogs: Dialogs;
}

/** Renders the bar. */
export function TopBar({ workspace, sides, dialogs }: TopBarProps) {
  const { listing, layout, theme, session } = workspace;
  const panels = PANELS.filter((panel) => panel !== "connections" || mayAdminister(session.value));
  return (
    <header class="top">
      <SideButton
        label="Stream list"
        icon="panelLeft"
        isOpen={sides.left.isOpen.value}
        toggle={sides.left.toggle}
      />
      <h1>
        <Logo />
        <span class="word">Redis Streamer</span>
      </h1>
      <Connection listing={listing} />
      <div class="panels" role="group" aria-label="Panels">
        {panels.map((panel) => (
          <PanelButton key={panel} panel={panel} layout={layout} />
        ))}
      </div>
      <button
        type="button"
        class="quiet icon"
        aria-label="Commands"
        title="Commands ( Ctrl-K )"
        onClick={() => (dialogs.palette.value = true)}
      >
        <Icon of="command" />
      </button>
      <LayoutMenu workspace={workspace} />
      <ThemeMenu theme={theme} />
      <MoreMenu workspace={workspace} dialogs={dialogs} />
      <SideButton
        label="Inspector"
        icon="panelRight"
        isOpen={sides.right.isOpen.value}
        toggle={sides.right.toggle}
      />
    </header>
  );
}

function PanelButton({ panel, layout }: { readonly panel: Panel; readonly layout: Layout }) {
  const { title, icon } = PANEL_LOOKS[panel];
  return (
    <button
      type="button"
      class="quiet"
      aria-label={title}
      title={title}
      aria-pressed={layout.panels.value.includes(panel)}
      onClick={() => layout.toggle(panel)}
    >
      <Icon of={icon} />
      <span class="word">{title}</span>
    </button>
  );
}

interface SideButtonProps {
  readonly label: string;
  readonly icon: IconName;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

function SideButton({ label, icon, isOpen, toggle }: SideButtonProps) {
  return (
    <button
      type="button"
      class="quiet icon"
      aria-label={label}
      title={label}
      aria-pressed={isOpen}
      onClick={toggle}
    >
      <Icon of={icon} />
    </button>
  );
}

function Connection({ listing }: { readonly listing: Listing }) {
  const { look, text } = connectionState(listing.problem.value, listing.streams.value !== undefined);
  return (
    <p class={`chip ${look} connection`} title={listing.problem.value?.message ?? ""}>
      <span>{text}</span>
    </p>
  );
}

function MoreMenu({ workspace: { listing, session }, dialogs }: Omit<TopBarProps, "sides">) {
  const server = listing.server.value;
  const user = session.value;
  const hasLogin = isAuthenticated(user) || listing.problem.value?.what === "login";
  return (
    <Menu label="More" icon="user">
      {(close) => (
        <>
          {user && isAuthenticated(user) && (
            <p class="facts server">
              <strong>{user.identity}</strong>
              {user.permissions.slice(0, MAX_PERMISSIONS).map((permission) => (
                <code key={permission} class="permission">
                  {permission}
                </code>
              ))}
            </p>
          )}
          {server && (
            <p class="facts server">
              Redis Streamer {server.version}, up {spanText(server.uptimeSeconds * 1000)}
              <br />
              Redis {server.redisVersion}, {server.redisMode}
            </p>
          )}
          {["docs", "graphql", "metrics"].map((path) => (
            <a key={path} href={pageUrl(path)}>
              <Icon of="link" /> {path}
            </a>
          ))}
          <button
            type="button"
            class="quiet"
            onClick={() => {
              close();
              dialogs.help.value = true;
            }}
          >
            <Icon of="help" /> Keyboard
          </button>
          {hasLogin && (
            <>
              <a href={loginUrl()}>
                <Icon of="login" /> {isAuthenticated(user) ? "Log in as another user" : "Log in"}
              </a>
              <button type="button" class="quiet" onClick={logOut}>
                <Icon of="logout" /> Log out
              </button>
            </>
          )}
        </>
      )}
    </Menu>
  );
}
