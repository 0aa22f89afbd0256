/** Light or dark: as the system says, or as was chosen and remembered. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createContext } from "preact";

/** What can be chosen. */
export const THEMES = ["system", "light", "dark"] as const;

/** The choice, and what it comes to. */
export interface Theme {
  readonly choice: Signal<(typeof THEMES)[number]>;
  /** What is drawn with the page's colours is drawn again when this changes. */
  readonly isDark: ReadonlySignal<boolean>;
  stop(): void;
}

const STORED = "redis-streamer.theme";

/** Reads the choice, and applies it from now on. */
export function watchTheme(): Theme {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const systemIsDark = signal(system.matches);
  const follow = () => {
    systemIsDark.value = system.matches;
  };
  system.addEventListener("change", follow);
  const stored = localStorage.getItem(STORED);
  const choice = signal(THEMES.find((one) => one === stored) ?? "system");
  const stop = effect(() => {
    document.documentElement.dataset.theme = choice.value;
    localStorage.setItem(STORED, choice.value);
  });
  return {
    choice,
    isDark: computed(() => (choice.value === "system" ? systemIsDark.value : choice.value === "dark")),
    stop() {
      system.removeEventListener("change", follow);
      stop();
    },
  };
}

/** The page's theme, for what draws. */
export const ThemeContext = createContext<Theme | undefined>(undefined);
