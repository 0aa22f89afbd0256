/** Select field of the color theme. */
import { THEMES, type Theme } from "./theme.ts";

/** Renders the field. */
export function ThemeChoice({ theme }: { readonly theme: Theme }) {
  return (
    <label>
      Theme{" "}
      <select
        value={theme.choice.value}
        onChange={({ currentTarget }) => {
          theme.choice.value = THEMES.find((one) => one === currentTarget.value) ?? "system";
        }}
      >
        {THEMES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}
