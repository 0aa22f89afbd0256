/** Card of a source: its state, its choices, its readings and its traffic. */
import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Glyph } from "../../design/glyph.tsx";
import { loginUrl } from "../../page/urls.ts";
import type { SenderPage } from "../sender-page.ts";
import type { Sender } from "../sending/sender.ts";
import { unavailable } from "./availability.ts";
import { lookOf } from "./card-look.ts";
import { ChoiceFields } from "./choice-fields.tsx";
import { TrafficFacts } from "./traffic-facts.tsx";

interface SourceCardProps {
  readonly page: SenderPage;
  readonly sender: Sender;
}

/** Renders the card. */
export function SourceCard({ page, sender }: SourceCardProps) {
  const { name, title, about, icon, feature, sensor } = sender.source;
  const { device, account, keys, browser } = page;
  const why = useComputed(
    () => unavailable(browser, feature) ?? account.forbidden(keys.of(device.name.value, name)),
  );
  const state = sender.state.value;
  const look = lookOf(state, sender.status.value, why.value !== undefined);
  const id = `source-${name}`;
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <Glyph node={icon} />
        <h2 id={id}>{title}</h2>
        <p role="status" class={`chip ${look.look}`}>
          {look.text}
        </p>
      </div>
      <p class="hint">{about}</p>
      {state.kind === "refused" && (
        <p role="alert" class="problem">
          {state.reason} {state.needsLogin && <a href={loginUrl("/send")}>Log in</a>}
        </p>
      )}
      {state.kind === "waiting" && state.hint !== "" && <p class="note">{state.hint}</p>}
      {why.value !== undefined && !sender.isActive ? (
        <p class="note">{why.value}</p>
      ) : (
        <>
          <Preview sender={sender} />
          {sender.reading.value !== "" && <p class="reading">{sender.reading}</p>}
          <ChoiceFields sender={sender} />
          <TrafficFacts sender={sender} />
          <Toggle sender={sender} sensor={sensor} page={page} />
        </>
      )}
    </section>
  );
}

/** Preview of the camera. */
function Preview({ sender }: { readonly sender: Sender }) {
  const box = useRef<HTMLDivElement>(null);
  const video = sender.preview.value;
  useEffect(() => {
    if (video === undefined) return;
    box.current?.append(video);
    return () => video.remove();
  }, [video]);
  if (video === undefined) return null;
  return <div ref={box} class="preview" role="img" aria-label="What the camera sees" />;
}

interface ToggleProps extends SourceCardProps {
  readonly sensor: string;
}

/** The button that starts and stops. */
function Toggle({ page: { device }, sender, sensor }: ToggleProps) {
  const { kind } = sender.state.value;
  if (kind === "finishing")
    return (
      <button type="button" class="toggle" onClick={() => sender.discard()}>
        Discard what waits
      </button>
    );
  if (sender.isActive)
    return (
      <button type="button" class="toggle" onClick={() => sender.stop()}>
        Stop {sensor}
      </button>
    );
  return (
    <button
      type="button"
      class="toggle primary"
      disabled={device.problem.value !== undefined}
      onClick={() => {
        device.store();
        void sender.start(device.name.value);
      }}
    >
      Start {sensor}
    </button>
  );
}
