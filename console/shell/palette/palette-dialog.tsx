/** Command palette (Ctrl-K): a field and the list of matching commands, as a combobox. */
import { useComputed } from "@preact/signals";
import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Icon } from "../../design/icon.tsx";
import { closingHandlers } from "../closing-handlers.ts";
import { type CommandTargets, commandsOf } from "./commands.ts";
import { type Command, Palette } from "./palette.ts";
import "./palette.css";

const LIST_ID = "palette-list";
const optionId = (position: number): string => `palette-option-${position}`;

/** Renders the open dialog. */
export function PaletteDialog({ targets }: { readonly targets: CommandTargets }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const commands = useComputed(() => commandsOf(targets));
  const palette = useMemo(() => new Palette(commands), [commands]);
  const found = palette.found.value;
  const active = palette.active.value;
  useEffect(() => {
    document.getElementById(optionId(active))?.scrollIntoView({ block: "nearest" });
  }, [active, found]);
  const close = () => {
    // Returns the focus to the element that had it.
    dialog.current?.close();
    targets.dialogs.palette.value = false;
  };
  const run = async (command?: Command) => {
    if (await palette.run(command)) close();
  };
  useEffect(() => {
    dialog.current?.showModal();
    const { typedAhead } = targets.dialogs;
    const [text = "", ...lines] = typedAhead.peek().split("\n");
    typedAhead.value = "";
    if (text !== "") palette.type(text);
    if (lines.length > 0) void run();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Commands"
      closedby="any"
      {...closingHandlers(dialog, close)}
    >
      <input
        type="text"
        role="combobox"
        aria-label="Command"
        aria-expanded
        aria-controls={LIST_ID}
        aria-autocomplete="list"
        aria-activedescendant={found.length === 0 ? undefined : optionId(active)}
        placeholder="Type a command or a stream"
        autocomplete="off"
        spellcheck={false}
        value={palette.text.value}
        onInput={({ currentTarget }) => palette.type(currentTarget.value)}
        onKeyDown={(event) => handleKey(event, palette, () => void run())}
      />
      <div class="options" id={LIST_ID} role="listbox" aria-label="Matching commands">
        {found.map((command, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and its keys select and run an option
          <div
            key={command.id}
            id={optionId(i)}
            class="option"
            role="option"
            aria-selected={i === active}
            // The field keeps the focus.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => void run(command)}
          >
            <Icon of={command.icon} />
            <span class="title">{command.title}</span>
            {command.key !== undefined && <kbd>{command.key}</kbd>}
          </div>
        ))}
      </div>
      <p class={palette.problem.value === "" ? "hint" : "problem"} role="status">
        {palette.problem.value || (found.length === 0 ? "No command has these words." : "")}
      </p>
    </dialog>
  );
}

function handleKey(event: TargetedKeyboardEvent<HTMLElement>, palette: Palette, run: () => void): void {
  const isHome = event.key === "Home" || event.key === "End";
  if (event.key === "ArrowDown") palette.move(1);
  else if (event.key === "ArrowUp") palette.move(-1);
  else if (isHome && event.ctrlKey) palette.moveToEnd(event.key === "Home" ? "first" : "last");
  else if (event.key === "Enter") run();
  else return;
  event.preventDefault();
}
