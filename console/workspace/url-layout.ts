/** Keeps the layout, and the moment of the past that it shows, in sync with the URL fragment. */
import { Layout } from "./layout.ts";
import { formatLayout, parseLayout, parseTime } from "./layout-link.ts";

/** The link of the page. */
export class PageLink {
  readonly layout: Layout;
  /** Called with the moment of a link that the user follows. */
  onTime: (position: string) => void = () => undefined;
  /** Moment of the past; undefined while it is live. */
  #time: string | undefined;
  readonly #follow = () => {
    this.layout.replace(parseLayout(location.hash));
    const time = parseTime(location.hash);
    if (time !== undefined) this.onTime(time);
  };

  /** Reads the URL, and follows links. */
  constructor() {
    this.layout = new Layout(parseLayout(location.hash), () => this.#write());
    this.#time = parseTime(location.hash);
    addEventListener("hashchange", this.#follow);
  }

  /** Moment of the past: Unix ms or an entry id. */
  get time(): string | undefined {
    return this.#time;
  }

  setTime(time: string | undefined): void {
    if (time === this.#time) return;
    this.#time = time;
    this.#write();
  }

  stop(): void {
    removeEventListener("hashchange", this.#follow);
  }

  #write(): void {
    const text = formatLayout(this.layout.stored, this.#time);
    history.replaceState(null, "", text === "" ? location.pathname + location.search : `#${text}`);
  }
}
