/** Color theme: the system's, or the user's choice, which is stored in the browser. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";

/** Selectable themes. */
export const THEMES = ["system", "light", "dark"] as const;

/** The user's choice and the effective theme. */
export interface Theme {
  readonly choice: Signal<(typeof THEMES)[number]>;
  /** Plots are drawn again when this changes. */
  readonly isDark: ReadonlySignal<boolean>;
  stop(): void;
}

const STORED = "redis-streamer.theme";

/** Reads the stored choice, applies it, and follows changes. */
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
