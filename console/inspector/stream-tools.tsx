/** Tools of a stream: metadata, code samples, download, push, consumer groups and delete. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../design/icon.tsx";
import type { StreamName } from "../page/stream-name.ts";
import { CodeLines } from "../tools/code-lines.tsx";
import { DeleteStream } from "../tools/delete-stream.tsx";
import { DownloadRange } from "../tools/download-range.tsx";
import { GroupsTool } from "../tools/groups/groups-tool.tsx";
import { MetaEditor } from "../tools/meta-editor.tsx";
import { PushEntry } from "../tools/push-entry.tsx";
import type { ToolProps } from "../tools/tool-props.ts";

interface StreamToolsProps extends ToolProps {
  /** The stream as code samples name it. */
  readonly sampleName: StreamName;
  readonly openStream: (key: string) => void;
  readonly mayWrite: boolean;
  readonly mayAdminister: boolean;
}

/** Renders the tools that are permitted, collapsed. */
export function StreamTools({ sampleName, openStream, mayWrite, mayAdminister, ...props }: StreamToolsProps) {
  return (
    <div class="tools">
      <Tool icon="sliders" title="Metadata">
        <MetaEditor {...props} />
      </Tool>
      <Tool icon="code" title="Code">
        <CodeLines {...props} name={sampleName} />
      </Tool>
      <Tool icon="down" title="Download">
        <DownloadRange {...props} />
      </Tool>
      {mayWrite && (
        <Tool icon="up" title="Push an entry">
          <PushEntry {...props} />
        </Tool>
      )}
      <Tool icon="boxes" title="Work queues" isLazy>
        <GroupsTool {...props} {...{ openStream, mayWrite, mayAdminister }} />
      </Tool>
      {mayAdminister && (
        <Tool icon="trash" title="Delete">
          <DeleteStream {...props} />
        </Tool>
      )}
    </div>
  );
}

interface OneToolProps {
  readonly icon: IconName;
  readonly title: string;
  /** Whether the content is rendered only while the tool is open, because it polls. */
  readonly isLazy?: boolean;
  readonly children: ComponentChildren;
}

function Tool({ icon, title, isLazy = false, children }: OneToolProps) {
  const isOpen = useSignal(false);
  return (
    <details
      onToggle={({ currentTarget }) => {
        isOpen.value = currentTarget.open;
      }}
    >
      <summary>
        <Icon of={icon} small /> {title}
      </summary>
      {(isOpen.value || !isLazy) && children}
    </details>
  );
}
