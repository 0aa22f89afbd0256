/** A name that is cut in the middle if there is no room, so that its end, which differs between streams, stays visible. */

/** Characters at the end that are never cut. */
const TAIL = 10;

/** Splits a name into the part that may be cut and the part that stays. */
export function splitName(name: string): readonly [head: string, tail: string] {
  const characters = [...name];
  const at = Math.max(0, characters.length - TAIL);
  return [characters.slice(0, at).join(""), characters.slice(at).join("")];
}

/** Renders the name. */
export function ElidedName({ name }: { readonly name: string }) {
  const [head, tail] = splitName(name);
  return (
    <span class="elided" title={name}>
      <span class="unseen">{name}</span>
      <span aria-hidden="true">{head}</span>
      <span aria-hidden="true">{tail}</span>
    </span>
  );
}
