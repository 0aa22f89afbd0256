/** Tool of a stream: its consumer groups, their pending entries, and their dead letters. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ConfirmButton } from "../../design/confirm-button.tsx";
import { Fact } from "../../design/fact.tsx";
import { countText, errorText, spanText } from "../../page/format.ts";
import { usePolled } from "../../page/use-polled.ts";
import type { ToolProps } from "../tool-props.ts";
import { drop, requeue } from "./dead-letters.ts";
import { deadLetterKey, type Group, readGroups, readPending, removeGroup } from "./groups.ts";
import "./groups-tool.css";

const PERIOD_MS = 2000;

interface GroupsToolProps extends ToolProps {
  readonly openStream: (key: string) => void;
  readonly mayWrite: boolean;
  readonly mayAdminister: boolean;
}

/** Renders the groups. */
export function GroupsTool(props: GroupsToolProps) {
  const { streamKey } = props;
  const request = useMemo(() => (signal: AbortSignal) => readGroups(streamKey, signal), [streamKey]);
  const { value: groups, problem } = usePolled(request, PERIOD_MS);
  const message = useSignal("");
  const found = groups.value;
  return (
    <>
      <p class="problem" role="status">
        {problem.value && `The groups cannot be read: ${problem.value}`}
      </p>
      {found?.length === 0 && (
        <p class="hint">
          No groups. A worker creates one: <code>redis-streamer work STREAM GROUP -- command</code>
        </p>
      )}
      {found?.map((group) => (
        <OneGroup key={group.name} group={group} message={message} {...props} />
      ))}
      <p role="status">{message}</p>
    </>
  );
}

interface OneGroupProps extends GroupsToolProps {
  readonly group: Group;
  readonly message: Signal<string>;
}

function OneGroup({ group, message, ...props }: OneGroupProps) {
  const { streamKey, streamer, listing, openStream, mayWrite, mayAdminister } = props;
  const { name, lag, pending, consumers } = group;
  const isOpen = useSignal(false);
  const run = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => run.current?.abort(), []);
  const deadKey = deadLetterKey(streamKey, name);
  const dead = listing.streams.value?.find(({ key }) => key === deadKey)?.length ?? 0;

  async function takeAll(take: typeof requeue, done: string): Promise<void> {
    run.current?.abort();
    const controller = new AbortController();
    run.current = controller;
    const report = (count: number) => {
      message.value = `${countText(count)} of ${countText(dead)} ${done}.`;
    };
    report(0);
    try {
      const letters = { streamKey, group: name, count: dead };
      await take(streamer, letters, { signal: controller.signal, report });
      listing.refresh();
    } catch (error) {
      if (!controller.signal.aborted) message.value = `Not ${done}: ${errorText(error)}`;
    }
  }

  async function remove(): Promise<void> {
    try {
      await removeGroup(streamKey, name);
      message.value = `The group ${name} was removed.`;
    } catch (error) {
      message.value = `Not removed: ${errorText(error)}`;
    }
  }

  return (
    <section class="group" aria-label={`Group ${name}`}>
      <h3>{name}</h3>
      <dl class="numbers">
        <Fact name="Lag">{lag === undefined ? "unknown" : countText(lag)}</Fact>
        <Fact name="Pending">{countText(pending)}</Fact>
        <Fact name="Consumers">{countText(consumers)}</Fact>
        <Fact name="Dead letters">{countText(dead)}</Fact>
      </dl>
      <div class="actions">
        <button type="button" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
          Pending entries
        </button>
        {dead > 0 && (
          <>
            <button type="button" onClick={() => openStream(deadKey)}>
              Open dead letters
            </button>
            {mayWrite && (
              <>
                <button type="button" onClick={() => void takeAll(requeue, "requeued")}>
                  Requeue dead letters
                </button>
                <ConfirmButton
                  text="Drop dead letters"
                  confirmText={`Drop ${countText(dead)} now`}
                  action={() => void takeAll(drop, "dropped")}
                />
              </>
            )}
          </>
        )}
        {mayAdminister && (
          <ConfirmButton text="Remove" confirmText={`Remove ${name} now`} action={() => void remove()} />
        )}
      </div>
      {isOpen.value && <Pending streamKey={streamKey} group={name} />}
    </section>
  );
}

function Pending({ streamKey, group }: { readonly streamKey: string; readonly group: string }) {
  const request = useMemo(
    () => (signal: AbortSignal) => readPending(streamKey, group, signal),
    [streamKey, group],
  );
  const { value, problem } = usePolled(request, PERIOD_MS);
  if (problem.value !== "") return <p class="problem">{problem}</p>;
  if (value.value?.length === 0) return <p class="hint">Nothing is pending.</p>;
  return (
    <ul class="pending" aria-label={`Pending entries of ${group}`}>
      {value.value?.map(({ id, consumer, idleMs, deliveries }) => (
        <li key={id}>
          <code>{id}</code> at {consumer} for {spanText(idleMs)}, delivery {deliveries}
        </li>
      ))}
    </ul>
  );
}
