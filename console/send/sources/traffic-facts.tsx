/** Figures of a stream: rate, stored, and whatever was not. */
import { Fact } from "../../design/fact.tsx";
import { bytesText, countText, rateText } from "../../page/format.ts";
import type { Sender } from "../sending/sender.ts";

/** Renders the figures, once there are any. */
export function TrafficFacts({ sender }: { readonly sender: Sender }) {
  const { sent, sentBytes, rate, waiting, waitingBytes, skipped, dropped, problem } = sender.traffic.value;
  if (!sender.isActive && sent + skipped + dropped === 0) return null;
  return (
    <>
      <dl class="figures">
        {sender.isActive && (
          <Fact name="Rate">
            {rateText(rate.entries)}/s, {bytesText(rate.bytes)}/s
          </Fact>
        )}
        <Fact name="Stored">
          {countText(sent)}, {bytesText(sentBytes)}
        </Fact>
        {waiting > 0 && (
          <Fact name="Waiting">
            {countText(waiting)}, {bytesText(waitingBytes)}
          </Fact>
        )}
        {skipped > 0 && <Fact name="Skipped">{countText(skipped)}</Fact>}
        {dropped > 0 && <Fact name="Dropped">{countText(dropped)}</Fact>}
      </dl>
      {dropped > 0 && problem !== "" && <p class="problem">Last dropped: {problem}.</p>}
    </>
  );
}
