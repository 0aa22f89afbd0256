/** Raw viewer: the newest entry as a tree of its value, its fields, and its bytes in hex. */
import { fieldsText } from "../../../client/browser.ts";
import { CopyButton } from "../../design/copy-button.tsx";
import { bytesText, timeText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { entryValue, textOf, valueText } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { hexText, MAX_HEX_BYTES } from "./hex.ts";
import { Tree } from "./tree.tsx";
import "./raw-view.css";

/** Interval at which the entry is replaced, ms. */
const UPDATE_MS = 250;
/** Maximum number of characters displayed of the fields. */
const MAX_FIELD_CHARACTERS = 2000;
/** Maximum size of a copied payload, characters. */
const MAX_COPIED = 1e6;

/** Renders the entry. */
export function RawView({ entries, workspace }: ViewProps) {
  const newest = useThrottled(entries, UPDATE_MS).value.at(-1);
  if (newest === undefined) return null;
  const value = entryValue(newest);
  const text = () =>
    (textOf(newest) ?? (value === undefined ? hexText(newest.data) : valueText(value, true))).slice(
      0,
      MAX_COPIED,
    );
  return (
    <div class="raw-view">
      <div class="raw" tabIndex={0} role="region" aria-label="The newest entry">
        {value !== undefined && (
          <ul class="tree">
            <Tree name="" value={value} />
          </ul>
        )}
        {newest.data.length > 0 && (
          <pre class="hex" role="region" aria-label="The newest entry's bytes">
            {hexText(newest.data)}
          </pre>
        )}
      </div>
      <div class="below">
        <p class="facts" title={newest.id}>
          {timeText(newest.timeMs, workspace.isUtc.value)} · entry {newest.id},{" "}
          {bytesText(newest.data.length)}
          {newest.data.length > MAX_HEX_BYTES && `, the first ${MAX_HEX_BYTES} of them`}
          {newest.fields && <> · {fieldsText(newest.fields).slice(0, MAX_FIELD_CHARACTERS)}</>}
        </p>
        <CopyButton text={text} label="Copy this entry" isQuiet />
      </div>
    </div>
  );
}
