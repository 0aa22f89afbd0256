/** A component that is loaded on first use, so that the first view is small. */
import { useSignal } from "@preact/signals";
import { type ComponentChild, type ComponentType, h } from "preact";
import { useEffect } from "preact/hooks";
import { errorText } from "../page/format.ts";

interface LoadedProps<P> {
  /** A stable function; another one loads another component. */
  readonly load: () => Promise<ComponentType<P>>;
  readonly props: P;
  /** Rendered until it is loaded. */
  readonly placeholder?: ComponentChild;
}

/** Renders the component. */
export function Loaded<P extends object>({ load, props, placeholder = null }: LoadedProps<P>) {
  const loaded = useSignal<{ readonly component: ComponentType<P> } | undefined>(undefined);
  const problem = useSignal("");
  useEffect(() => {
    let isWanted = true;
    loaded.value = undefined;
    load().then(
      (component) => {
        if (isWanted) loaded.value = { component };
      },
      (error: unknown) => {
        if (isWanted) problem.value = `This part of the page cannot be loaded: ${errorText(error)}`;
      },
    );
    return () => {
      isWanted = false;
    };
  }, [load]);
  if (problem.value !== "") return <p class="problem center">{problem}</p>;
  return <>{loaded.value === undefined ? placeholder : h(loaded.value.component, props)}</>;
}
