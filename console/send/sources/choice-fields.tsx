/** Fields of the choices of a source. A change while it is sent applies at once. */
import type { Sender } from "../sending/sender.ts";
import type { Choice } from "./source.ts";

/** Renders the fields. */
export function ChoiceFields({ sender }: { readonly sender: Sender }) {
  const choices = Object.entries(sender.source.choices);
  if (choices.length === 0) return null;
  return (
    <div class="choices">
      {choices.map(([name, choice]) => (
        <ChoiceField key={name} sender={sender} name={name} choice={choice} />
      ))}
    </div>
  );
}

interface ChoiceFieldProps {
  readonly sender: Sender;
  readonly name: string;
  readonly choice: Choice;
}

function ChoiceField({ sender, name, choice }: ChoiceFieldProps) {
  const { label, values, fallback } = choice;
  const { kind } = sender.state.value;
  return (
    <label>
      {label}{" "}
      <select
        value={String(sender.chosen.value[name])}
        disabled={kind === "asking" || kind === "finishing"}
        onChange={({ currentTarget }) => {
          const value = values.find((one) => String(one) === currentTarget.value) ?? fallback;
          void sender.choose(name, value);
        }}
      >
        {values.map((value) => (
          <option key={value} value={String(value)}>
            {choice.textOf(value)}
          </option>
        ))}
      </select>
    </label>
  );
}
