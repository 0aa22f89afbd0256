/** Card of files: a file of the device, as entries of the stream `file`. */
import { FileUp } from "lucide";
import { Glyph } from "../../design/glyph.tsx";
import { bytesText, countText } from "../../page/format.ts";
import { loginUrl } from "../../page/urls.ts";
import type { SenderPage } from "../sender-page.ts";
import { IMAGE_BYTES, PART_BYTES } from "./file-parts.ts";
import { FILE_STREAM, type FileState } from "./file-sender.ts";

/** Renders the card. */
export function FileCard({ page }: { readonly page: SenderPage }) {
  const { files, device, account, keys } = page;
  const state = files.state.value;
  const why = account.forbidden(keys.of(device.name.value, FILE_STREAM));
  const isDisabled = files.isActive || device.problem.value !== undefined;
  return (
    <section class="card" aria-labelledby="source-file">
      <div class="card-head">
        <Glyph node={FileUp} />
        <h2 id="source-file">File</h2>
        <Chip state={state} isForbidden={why !== undefined} isOpen={files.status.value?.state === "open"} />
      </div>
      <p class="hint">
        An image is one entry, of at most {IMAGE_BYTES / 2 ** 20} MB. Other files are cut into entries of{" "}
        {PART_BYTES / 2 ** 10} kB.
      </p>
      {state.kind === "refused" && (
        <p role="alert" class="problem">
          {state.reason} {state.needsLogin && <a href={loginUrl("/send")}>Log in</a>}
        </p>
      )}
      {state.kind === "done" && (
        <p role="status" class="note">
          {state.text}
        </p>
      )}
      {why !== undefined && <p class="note">{why}</p>}
      {state.kind === "sending" ? (
        <>
          <progress aria-label={`Sent of ${state.name}`} max={state.bytes} value={state.sentBytes} />
          <p class="facts">
            {state.name}: {bytesText(state.sentBytes)} of {bytesText(state.bytes)}, {countText(state.entries)}{" "}
            stored
          </p>
          <button type="button" class="toggle" onClick={() => files.discard()}>
            Stop file
          </button>
        </>
      ) : (
        why === undefined && (
          <label class={isDisabled ? "toggle primary pick disabled" : "toggle primary pick"}>
            Choose files
            <input
              type="file"
              multiple
              class="unseen"
              disabled={isDisabled}
              onChange={({ currentTarget }) => {
                device.store();
                void files.send(device.name.value, [...(currentTarget.files ?? [])]);
                // The same file can be chosen again.
                currentTarget.value = "";
              }}
            />
          </label>
        )
      )}
    </section>
  );
}

interface ChipProps {
  readonly state: FileState;
  readonly isForbidden: boolean;
  readonly isOpen: boolean;
}

function Chip({ state: { kind }, isForbidden, isOpen }: ChipProps) {
  const [look, text] =
    kind === "sending"
      ? isOpen
        ? ["good", "sending"]
        : ["bad", "not stored now"]
      : kind === "refused"
        ? ["bad", "refused"]
        : kind === "done"
          ? ["calm", "done"]
          : ["calm", isForbidden ? "not available" : "off"];
  return (
    <p role="status" class={`chip ${look}`}>
      {text}
    </p>
  );
}
