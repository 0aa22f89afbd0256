/** Resolves a colour variable of the style sheets in the current theme. A canvas cannot resolve it. */
export function resolvedColour(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
