/** Titles and icons of the themes. */
import type { IconName } from "../design/icon.tsx";
import type { THEMES } from "../page/theme.ts";

/** A theme as it is offered. */
interface ThemeLook {
  readonly choice: (typeof THEMES)[number];
  readonly title: string;
  readonly icon: IconName;
}

/** The themes. */
export const THEME_LOOKS: readonly ThemeLook[] = [
  { choice: "system", title: "As the system", icon: "system" },
  { choice: "light", title: "Light", icon: "sun" },
  { choice: "dark", title: "Dark", icon: "moon" },
];
