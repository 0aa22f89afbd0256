/** Ways to a first stream, shown while there is none: a phone, a command, and the demo device. */
import { useSignal } from "@preact/signals";
import { CopyButton } from "../design/copy-button.tsx";
import { Icon } from "../design/icon.tsx";
import { gatewayUrl, pageUrl } from "../page/urls.ts";
import { isAuthenticated, type Session } from "../shell/session.ts";
import { type PushSample, pushSamples } from "./push-samples.ts";

/** Renders the ways. */
export function FirstStream({ session }: { readonly session: Session | undefined }) {
  const language = useSignal<PushSample["language"]>("curl");
  const samples = pushSamples(gatewayUrl(), isAuthenticated(session));
  const sample = samples.find((one) => one.language === language.value);
  const token = isAuthenticated(session) ? " --token YOUR_KEY" : "";
  return (
    <div class="welcome">
      <Icon of="radio" />
      <h2>There are no streams yet</h2>
      <p class="hint">Send the camera, the microphone and the motion of a phone or of this computer:</p>
      <a class="button" href={pageUrl("send")}>
        <Icon of="video" /> Send from a phone
      </a>
      <p class="hint">Or push a first entry, and it appears here:</p>
      <div class="languages" role="group" aria-label="Language">
        {samples.map((one) => (
          <button
            key={one.language}
            type="button"
            class="quiet"
            aria-pressed={one.language === language.value}
            onClick={() => {
              language.value = one.language;
            }}
          >
            {one.language}
          </button>
        ))}
      </div>
      <Command text={sample?.text ?? ""} />
      <p class="hint">Or play a demo device, a rover with camera, detector, IMU, microphone and GPS:</p>
      <Command text={`npx redis-streamer demo --url ${gatewayUrl()}${token}`} />
    </div>
  );
}

function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <pre class="code-block">{text}</pre>
      <CopyButton text={() => text} />
    </div>
  );
}
