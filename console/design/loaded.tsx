/** A component that is loaded on first use, so that the first view is small. */
import { useSignal } from "@preact/signals";
import { type ComponentChild, type ComponentType, h } from "preact";
import { useEffect } from "preact/hooks";
import { errorText } from "../page/format.ts";
import { ReloadOffer } from "./reload-offer.tsx";

interface LoadedProps<P> {
  /** A stable function; another one loads another component. */
  readonly load: () => Promise<ComponentType<P>>;
  readonly props: P;
  /** Rendered until it is loaded. */
  readonly placeholder?: ComponentChild;
  /** Rendered around the message if it cannot be loaded. */
  readonly frame?: (message: ComponentChild) => ComponentChild;
}

/** Renders the component; if it cannot be loaded, a message and a button that reloads the page. */
export function Loaded<P extends object>({ load, props, placeholder = null, frame }: LoadedProps<P>) {
  const loaded = useSignal<{ readonly component: ComponentType<P> } | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  useEffect(() => {
    let isWanted = true;
    loaded.value = undefined;
    problem.value = undefined;
    load().then(
      (component) => {
        if (isWanted) loaded.value = { component };
      },
      (error: unknown) => {
        if (isWanted) problem.value = errorText(error);
      },
    );
    return () => {
      isWanted = false;
    };
  }, [load]);
  if (problem.value !== undefined) {
    const message = <ReloadOffer problem={problem.value} />;
    return <>{frame === undefined ? message : frame(message)}</>;
  }
  return <>{loaded.value === undefined ? placeholder : h(loaded.value.component, props)}</>;
}
