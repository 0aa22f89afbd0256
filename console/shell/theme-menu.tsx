/** Menu of the color theme. */
import { Icon, type IconName } from "../design/icon.tsx";
import { Menu } from "../design/menu.tsx";
import { THEMES, type Theme } from "../page/theme.ts";

type Choice = (typeof THEMES)[number];

const ICONS: Readonly<Record<Choice, IconName>> = { system: "system", light: "sun", dark: "moon" };
const TITLES: Readonly<Record<Choice, string>> = { system: "As the system", light: "Light", dark: "Dark" };

/** Renders the menu. */
export function ThemeMenu({ theme }: { readonly theme: Theme }) {
  return (
    <Menu label="Theme" icon={ICONS[theme.choice.value]}>
      {(close) =>
        THEMES.map((one) => (
          <button
            key={one}
            type="button"
            class="quiet"
            aria-pressed={theme.choice.value === one}
            onClick={() => {
              theme.choice.value = one;
              close();
            }}
          >
            <Icon of={ICONS[one]} /> {TITLES[one]}
          </button>
        ))
      }
    </Menu>
  );
}
