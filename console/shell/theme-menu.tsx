/** Menu of the color theme. */
import { Icon } from "../design/icon.tsx";
import { Menu } from "../design/menu.tsx";
import type { Theme } from "../page/theme.ts";
import { THEME_LOOKS } from "./theme-looks.ts";

/** Renders the menu. */
export function ThemeMenu({ theme }: { readonly theme: Theme }) {
  const current = THEME_LOOKS.find(({ choice }) => choice === theme.choice.value);
  return (
    <Menu label="Theme" icon={current?.icon ?? "system"}>
      {(close) =>
        THEME_LOOKS.map(({ choice, title, icon }) => (
          <button
            key={choice}
            type="button"
            class="quiet"
            aria-pressed={theme.choice.value === choice}
            onClick={() => {
              theme.choice.value = choice;
              close();
            }}
          >
            <Icon of={icon} /> {title}
          </button>
        ))
      }
    </Menu>
  );
}
