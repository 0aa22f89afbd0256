/** Content, tab and controls of each pane. */
import { useComputed } from "@preact/signals";
import type { ComponentType } from "preact";
import { ElidedName } from "../design/elided-name.tsx";
import { Icon } from "../design/icon.tsx";
import { Loaded } from "../design/loaded.tsx";
import { PANEL_LOOKS } from "../panels/panels.ts";
import { VIEWERS, viewerOf } from "../viewers/viewers.ts";
import type { GroupState, PaneParts } from "./dock.ts";
import { titleOf } from "./dock-grid.ts";
import { EmptyWorkspace } from "./empty-workspace.tsx";
import { type PaneId, type Panel, panelOf, streamId } from "./layout.ts";
import { StreamPane } from "./stream-pane.tsx";
import type { Workspace } from "./workspace.ts";
import "./pane.css";

/** Returns the parts of all panes. */
export const paneParts = (workspace: Workspace): PaneParts => ({
  content: (id) => <PaneContent id={id} workspace={workspace} />,
  tab: (id) => <Tab id={id} workspace={workspace} />,
  actions: (id, group) => <Actions key={id} id={id} group={group} workspace={workspace} />,
  empty: () => <EmptyWorkspace workspace={workspace} />,
});

/** Each panel takes the parts that it needs. */
interface PanelProps extends Workspace {
  readonly workspace: Workspace;
}

interface PaneProps {
  readonly id: PaneId;
  readonly workspace: Workspace;
}

function PaneContent({ id, workspace }: PaneProps) {
  const panel = panelOf(id);
  if (panel === undefined) return <StreamPane streamKey={titleOf(id)} workspace={workspace} />;
  return (
    <div class="pane panel">
      <Loaded load={PANEL_LOADERS[panel]} props={{ ...workspace, workspace }} />
    </div>
  );
}

/** Components of the panels. */
const PANEL_LOADERS: Readonly<Record<Panel, () => Promise<ComponentType<PanelProps>>>> = {
  recordings: async () => (await import("../panels/recordings/recordings-panel.tsx")).RecordingsPanel,
  events: async () => (await import("../panels/events-panel.tsx")).EventsPanel,
  gateway: async () => (await import("../panels/gateway-panel.tsx")).GatewayPanel,
  connections: async () => (await import("../panels/connections/connections-panel.tsx")).ConnectionsPanel,
};

/** Icon and name. The cross is for pointers only: the control "Close" is reachable by keyboard. */
function Tab({ id, workspace }: PaneProps) {
  const view = useView(id, workspace);
  const panel = panelOf(id);
  const viewer = viewerOf(view.value) ?? viewerOf(workspace.detected.value.get(titleOf(id)));
  const icon = viewer?.icon ?? "activity";
  return (
    <>
      <Icon of={panel === undefined ? icon : PANEL_LOOKS[panel].icon} small />
      <ElidedName name={titleOf(id)} />
      <span
        class="x"
        aria-hidden="true"
        onPointerDown={(event) => event.stopPropagation()}
        onClick={(event) => {
          event.stopPropagation();
          workspace.layout.close(id);
        }}
      >
        <Icon of="close" small />
      </span>
    </>
  );
}

function useView(id: PaneId, { layout }: Workspace) {
  return useComputed(() => layout.panes.value.find(({ key }) => streamId(key) === id)?.view ?? "auto");
}

interface ActionsProps extends PaneProps {
  readonly group: GroupState;
}

function Actions({ id, workspace, group }: ActionsProps) {
  const { layout, detected } = workspace;
  const view = useView(id, workspace);
  const title = titleOf(id);
  const automatic = viewerOf(detected.value.get(title));
  return (
    <>
      {panelOf(id) === undefined && (
        <select
          class="quiet"
          aria-label={`View of ${title}`}
          title="View"
          value={viewerOf(view.value)?.id ?? "auto"}
          onChange={({ currentTarget }) => layout.setView(title, currentTarget.value)}
        >
          <option value="auto">{automatic === undefined ? "Auto" : `Auto: ${automatic.title}`}</option>
          {VIEWERS.map((viewer) => (
            <option key={viewer.id} value={viewer.id}>
              {viewer.title}
            </option>
          ))}
        </select>
      )}
      <button
        type="button"
        class="quiet icon"
        aria-label={`${group.isMaximized ? "Restore" : "Maximize"} ${title}`}
        title={group.isMaximized ? "Restore" : "Maximize"}
        onClick={group.toggleMaximized}
      >
        <Icon of={group.isMaximized ? "minimize" : "maximize"} small />
      </button>
      <button
        type="button"
        class="quiet icon"
        aria-label={`Close ${title}`}
        title="Close"
        onClick={() => layout.close(id)}
      >
        <Icon of="close" small />
      </button>
    </>
  );
}
