/** A value as a tree. Branches are rendered when they are opened, so that a large value costs nothing at first. */
import { useSignal } from "@preact/signals";

/** Maximum number of members shown of one branch, and characters of one text. */
const MAX_MEMBERS = 200;
const MAX_CHARACTERS = 500;
/** Depth to which branches are open at first. */
const OPEN_DEPTH = 2;
/** Maximum number of members of a branch that is open at first. */
const OPEN_MEMBERS = 40;

interface TreeProps {
  readonly name: string;
  readonly value: unknown;
  readonly depth?: number;
}

/** Renders a value and its members. */
export function Tree({ name, value, depth = 0 }: TreeProps) {
  const members = membersOf(value);
  const isOpen = useSignal(depth < OPEN_DEPTH && (members?.length ?? 0) <= OPEN_MEMBERS);
  const label = name === "" ? "" : `${name}: `;
  if (members === undefined)
    return (
      <li>
        {label && <span class="name">{label}</span>}
        <span class={value === null ? "null" : typeof value}>{scalarText(value)}</span>
      </li>
    );
  return (
    <li>
      <details
        open={isOpen.value}
        onToggle={({ currentTarget }) => {
          isOpen.value = currentTarget.open;
        }}
      >
        <summary>
          {label && <span class="name">{label}</span>}
          <span class="hint">
            {Array.isArray(value) ? `list of ${members.length}` : `${members.length} members`}
          </span>
        </summary>
        {isOpen.value && (
          <ul>
            {members.slice(0, MAX_MEMBERS).map(([member, child]) => (
              <Tree key={member} name={member} value={child} depth={depth + 1} />
            ))}
            {members.length > MAX_MEMBERS && <li class="hint">and {members.length - MAX_MEMBERS} more</li>}
          </ul>
        )}
      </details>
    </li>
  );
}

/** Returns the members of a list or an object; undefined for another value. */
function membersOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  return Object.entries(value);
}

function scalarText(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value !== "string") return String(value);
  const text = value.length > MAX_CHARACTERS ? `${value.slice(0, MAX_CHARACTERS)} …` : value;
  return JSON.stringify(text);
}
