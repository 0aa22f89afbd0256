/** Ways to a first stream, shown while there is none: a phone, a command, and the demo device. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CopyButton } from "../design/copy-button.tsx";
import { Icon } from "../design/icon.tsx";
import { gatewayUrl, pageUrl } from "../page/urls.ts";
import { isAuthenticated } from "../shell/session.ts";
import { DEMO_DEVICE, mayPlay } from "./demo.ts";
import { type PushSample, pushSamples } from "./push-samples.ts";
import type { Workspace } from "./workspace.ts";

/** Renders the ways. */
export function FirstStream({ workspace }: { readonly workspace: Workspace }) {
  const session = workspace.session.value;
  const language = useSignal<PushSample["language"]>("curl");
  const samples = pushSamples(gatewayUrl(), isAuthenticated(session));
  const sample = samples.find((one) => one.language === language.value);
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
      <DemoStart workspace={workspace} />
    </div>
  );
}

/** Streams of the demo device that are shown, once it is played. The camera has the boxes of the detector. */
const SHOWN = ["camera", "imu", "gps", "log"];

function DemoStart({ workspace: { demo, layout, session } }: { readonly workspace: Workspace }) {
  const problem = useSignal("");
  // The gateway may not have responded when the page was opened.
  useEffect(() => void demo.read().catch(() => undefined), [demo]);
  if (demo.state.value?.isEnabled !== true || !mayPlay(session.value, DEMO_DEVICE)) return null;
  const start = () =>
    demo.start().then(
      () => layout.openOnly(SHOWN.map((stream) => `${DEMO_DEVICE}:${stream}`)),
      (error: Error) => {
        problem.value = error.message;
      },
    );
  return (
    <>
      <p class="hint">Or let the gateway play a rover with camera, detector, IMU, microphone and GPS:</p>
      <button type="button" onClick={start}>
        <Icon of="play" /> Play the demo device
      </button>
      <p class="problem" role="status">
        {problem.value}
      </p>
    </>
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
