/** Tools of a stream: metadata, code samples, download, push and delete. */
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../design/icon.tsx";
import type { StreamName } from "../page/stream-name.ts";
import { CodeLines } from "../tools/code-lines.tsx";
import { DeleteStream } from "../tools/delete-stream.tsx";
import { DownloadRange } from "../tools/download-range.tsx";
import { MetaEditor } from "../tools/meta-editor.tsx";
import { PushEntry } from "../tools/push-entry.tsx";
import type { ToolProps } from "../tools/tool-props.ts";

interface StreamToolsProps extends ToolProps {
  /** The stream as code samples name it. */
  readonly sampleName: StreamName;
}

/** Renders the tools, collapsed. */
export function StreamTools({ sampleName, ...props }: StreamToolsProps) {
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
      <Tool icon="up" title="Push an entry">
        <PushEntry {...props} />
      </Tool>
      <Tool icon="trash" title="Delete">
        <DeleteStream {...props} />
      </Tool>
    </div>
  );
}

interface OneToolProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children: ComponentChildren;
}

function Tool({ icon, title, children }: OneToolProps) {
  return (
    <details>
      <summary>
        <Icon of={icon} small /> {title}
      </summary>
      {children}
    </details>
  );
}
