/** Commands of the palette: the actions of the bars, menus and keys, and each stream. */
import { loginUrl } from "../../page/urls.ts";
import { PANEL_LOOKS } from "../../panels/panels.ts";
import { VIEWERS } from "../../viewers/viewers.ts";
import { DEMO_DEVICE, mayPlay } from "../../workspace/demo.ts";
import { PANELS, streamId } from "../../workspace/layout.ts";
import { formatLayout, parseLayout } from "../../workspace/layout-link.ts";
import { presetsOf } from "../../workspace/presets.ts";
import { shownStreams } from "../../workspace/shown-streams.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import type { Dialogs } from "../dialogs.ts";
import { exportLayout, importLayout } from "../layout-transfer.ts";
import { linkOf, linkTitle } from "../link.ts";
import { logOut } from "../log-out.ts";
import { isAuthenticated, mayAdminister } from "../session.ts";
import type { Sides } from "../sides.ts";
import { THEME_LOOKS } from "../theme-looks.ts";
import type { Command } from "./palette.ts";

/** Parts of the page that commands change. */
export interface CommandTargets {
  readonly workspace: Workspace;
  readonly sides: Sides;
  readonly dialogs: Dialogs;
}

/** Returns the commands that are possible now, the frequent ones first. Reads signals. */
export const commandsOf = (targets: CommandTargets): readonly Command[] => [
  ...timeCommands(targets.workspace),
  ...paneCommands(targets.workspace),
  ...layoutCommands(targets.workspace),
  ...panelCommands(targets.workspace),
  ...pageCommands(targets),
  ...demoCommands(targets.workspace),
  ...streamCommands(targets.workspace),
];

function timeCommands({ clock, layout, isUtc }: Workspace): readonly Command[] {
  if (layout.panes.value.length === 0) return [];
  const isLive = clock.mode.value === "live";
  return [
    ...(isLive
      ? []
      : [{ id: "live", title: "Go to live", icon: "radio", key: "L", run: () => clock.live() } as const]),
    clock.isRunning
      ? { id: "pause", title: "Pause", icon: "pause", key: "Space", run: () => clock.pause() }
      : { id: "play", title: "Play from here", icon: "play", key: "Space", run: () => clock.play() },
    {
      id: "go-to",
      title: "Go to a time or an entry",
      icon: "forward",
      key: "G",
      run: () => focusSoon("go-to"),
    },
    {
      id: "zone",
      title: isUtc.value ? "Show local times" : "Show times in UTC",
      icon: "sliders",
      run: () => {
        isUtc.value = !isUtc.peek();
      },
    },
    {
      id: "copy-link",
      title: linkTitle({ clock }),
      icon: "link",
      run: () => navigator.clipboard.writeText(linkOf({ clock, layout }, location.href)),
    },
  ];
}

function paneCommands({ streamer, layout, listing, clock }: Workspace): readonly Command[] {
  const keys = shownStreams(layout.panes.value, listing.streams.value ?? []);
  const selected = layout.selectedKey.value;
  const isPinned = selected === undefined || layout.paneOf(selected)?.moment === undefined;
  const record: Command = {
    id: "record",
    title: keys.length === 1 ? `Record ${keys[0]}` : `Record the ${keys.length} shown streams from now on`,
    icon: "record",
    async run() {
      await streamer.record(keys, { device: "", from: "$" });
      if (!layout.panels.peek().includes("recordings")) layout.toggle("recordings");
    },
  };
  return [
    ...(keys.length === 0 ? [] : [record]),
    ...(selected === undefined
      ? []
      : [
          ...VIEWERS.map(({ id, title, icon }) => ({
            id: `view ${id}`,
            title: `View ${selected} as ${title.toLowerCase()}`,
            icon,
            run: () => layout.setView(selected, id),
          })),
          {
            id: "pin",
            title: isPinned ? `Unpin ${selected} from the time bar` : `Pin ${selected} to the time bar`,
            icon: isPinned ? ("unpin" as const) : ("pin" as const),
            run: () => layout.change(selected, { moment: isPinned ? clock.moment : undefined }),
          },
          {
            id: "close",
            title: `Close ${selected}`,
            icon: "close" as const,
            run: () => layout.close(streamId(selected)),
          },
        ]),
  ];
}

function layoutCommands({ listing, layout, layouts }: Workspace): readonly Command[] {
  const saved = layouts.layouts.value.map(
    ({ name, link }): Command => ({
      id: `layout ${name}`,
      title: `Layout: ${name}`,
      icon: "layout",
      run: () => layout.show(parseLayout(`#${link}`)),
    }),
  );
  const presets = presetsOf(listing.streams.value ?? []).map(
    ({ title, keys }): Command => ({
      id: `preset ${title}`,
      title: `Preset: ${title}`,
      icon: "layout",
      run: () => layout.openOnly(keys),
    }),
  );
  const save: Command = {
    id: "export-layout",
    title: "Export this layout as a file",
    icon: "down",
    run: () => exportLayout(layout),
  };
  const open: Command = {
    id: "import-layout",
    title: "Import a layout from a file",
    icon: "up",
    run: async () => void (await importLayout(layout)),
  };
  return [...saved, ...presets, ...(formatLayout(layout.stored) === "" ? [] : [save]), open];
}

const panelCommands = ({ layout, session }: Workspace): readonly Command[] =>
  PANELS.filter((panel) => panel !== "connections" || mayAdminister(session.value)).map((panel) => ({
    id: `panel ${panel}`,
    title: `${layout.panels.value.includes(panel) ? "Close" : "Open"} the panel ${PANEL_LOOKS[panel].title}`,
    icon: PANEL_LOOKS[panel].icon,
    run: () => layout.toggle(panel),
  }));

function pageCommands({ workspace, sides, dialogs }: CommandTargets): readonly Command[] {
  const { theme, session, listing } = workspace;
  const themes = THEME_LOOKS.map(
    ({ choice, title, icon }): Command => ({
      id: `theme ${choice}`,
      title: `Theme: ${title.toLowerCase()}`,
      icon,
      run: () => {
        theme.choice.value = choice;
      },
    }),
  );
  const isKnown = isAuthenticated(session.value);
  const logIn: Command = {
    id: "login",
    title: "Log in",
    icon: "login",
    run: () => location.assign(loginUrl()),
  };
  return [
    ...themes,
    {
      id: "left",
      title: "Fold or unfold the stream list",
      icon: "panelLeft",
      run: () => sides.left.toggle(),
    },
    {
      id: "right",
      title: "Fold or unfold the inspector",
      icon: "panelRight",
      run: () => sides.right.toggle(),
    },
    {
      id: "help",
      title: "Help: keyboard",
      icon: "help",
      key: "?",
      run: () => {
        dialogs.help.value = true;
      },
    },
    ...(listing.problem.value?.what === "login" ? [logIn] : []),
    ...(isKnown ? [{ id: "logout", title: "Log out", icon: "logout", run: logOut } as const] : []),
  ];
}

/** Starts or stops the demo device, for users who may write its streams. */
function demoCommands({ demo, session }: Workspace): readonly Command[] {
  const { isEnabled = false, device } = demo.state.value ?? {};
  if (!mayPlay(session.value, device ?? DEMO_DEVICE)) return [];
  if (device !== undefined)
    return [{ id: "demo", title: `Stop the demo device ${device}`, icon: "stop", run: () => demo.stop() }];
  return isEnabled
    ? [{ id: "demo", title: "Play the demo device", icon: "play", run: () => demo.start() }]
    : [];
}

const streamCommands = ({ listing, layout }: Workspace): readonly Command[] =>
  (listing.streams.value ?? []).map(({ key }) => ({
    id: `open ${key}`,
    title: `Open ${key}`,
    icon: "activity",
    run: () => layout.openStream(key),
  }));

/** Focuses a field after the palette has returned the focus. */
function focusSoon(id: string): void {
  requestAnimationFrame(() => document.getElementById(id)?.focus());
}
