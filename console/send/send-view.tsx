/** The page that sends: name of the device, and a card per source. */
import { Logo } from "../design/logo.tsx";
import { loginUrl } from "../page/urls.ts";
import { FileCard } from "./files/file-card.tsx";
import { HttpsNote } from "./https-note.tsx";
import type { SenderPage } from "./sender-page.ts";
import { SourceCard } from "./sources/source-card.tsx";

/** Renders the page. */
export function SendView({ page }: { readonly page: SenderPage }) {
  const { senders, browser, account } = page;
  return (
    <div class="send">
      <header class="send-top">
        <Logo />
        <h1>Send from this device</h1>
        <Connection page={page} />
      </header>
      <main>
        {account.needsLogin.value && (
          <p role="alert" class="card problem">
            The login has expired. What waits is sent after you{" "}
            <a href={loginUrl("/send")} target="_blank" rel="noopener">
              log in again in a new tab
            </a>
            .
          </p>
        )}
        {!browser.isSecure && <HttpsNote host={location.hostname} port={location.port} />}
        <NameField page={page} />
        {senders.map((sender) => (
          <SourceCard key={sender.source.name} page={page} sender={sender} />
        ))}
        <FileCard page={page} />
        <p class="hint foot">
          Sending ends when this page is closed. Phones stop the camera and the sensors of a page that is not
          visible; the screen stays on while something is sent, where the browser permits it.
        </p>
      </main>
    </div>
  );
}

function Connection({ page: { connection } }: { readonly page: SenderPage }) {
  const shown = connection.value;
  return (
    <p role="status" class={`chip ${shown?.look ?? "calm"} ${shown === undefined ? "unseen" : ""}`}>
      {shown?.text ?? "nothing is sent"}
    </p>
  );
}

/** Name of the device, and the link to its streams. */
function NameField({ page: { device, keys, isActive, consoleUrl } }: { readonly page: SenderPage }) {
  const problem = device.problem.value;
  const [camera, mic] = ["camera", "mic"].map((stream) => keys.of(device.name.value, stream));
  const streams = keys.hasDevices.value
    ? `Its streams are ${camera}, ${mic} and so on.`
    : `This gateway has no devices: the streams are ${camera}, ${mic} and so on, whatever the name.`;
  return (
    <section class="card" aria-label="Device">
      <label class="name">
        Name of this device
        <input
          value={device.typed.value}
          disabled={isActive.value}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby="name-note"
          onInput={({ currentTarget }) => (device.typed.value = currentTarget.value)}
          onChange={() => device.store()}
        />
      </label>
      <p id="name-note" class={problem === undefined ? "hint" : "problem"}>
        {problem ?? (isActive.value ? "The name can be changed when nothing is sent." : streams)}
      </p>
      <a class="button" href={consoleUrl.value} target="_blank" rel="noopener">
        Open in the console
      </a>
    </section>
  );
}
