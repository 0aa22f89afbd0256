/** Set of key scopes, which finds those that cover a key. */
import type { KeyScope } from "./key-scope.ts";

/** Maximum number of prefixes. Each costs a set of keys. */
const MAX_SCOPES = 10_000;
/** Maximum number of prefixes that are not a device. Each is compared with the key of each event. */
const MAX_OTHER_SCOPES = 64;

/** The scopes in use, with different prefixes. */
export class KeyScopes {
  readonly #scopes = new Map<string, KeyScope>();
  /** Scopes whose prefix is not a device and a colon. */
  readonly #others = new Set<KeyScope>();

  get size(): number {
    return this.#scopes.size;
  }

  get(prefix: string): KeyScope | undefined {
    return this.#scopes.get(prefix);
  }

  /** Whether a scope is in the set. Another one may have its prefix. */
  has(scope: KeyScope): boolean {
    return this.#scopes.get(scope.prefix) === scope;
  }

  hasRoom(): boolean {
    return this.#scopes.size < MAX_SCOPES && this.#others.size < MAX_OTHER_SCOPES;
  }

  add(scope: KeyScope): void {
    this.#scopes.set(scope.prefix, scope);
    if (!isDevice(scope.prefix)) this.#others.add(scope);
  }

  delete(scope: KeyScope): void {
    this.#scopes.delete(scope.prefix);
    this.#others.delete(scope);
  }

  clear(): void {
    this.#scopes.clear();
    this.#others.clear();
  }

  values(): Iterable<KeyScope> {
    return this.#scopes.values();
  }

  /** Returns the scopes that cover a key. */
  covering(key: string): readonly KeyScope[] {
    const colon = key.indexOf(":");
    const ofDevice = colon > 0 ? this.#scopes.get(key.slice(0, colon + 1)) : undefined;
    const scopes = ofDevice === undefined ? [] : [ofDevice];
    for (const scope of this.#others) if (scope.covers(key)) scopes.push(scope);
    return scopes;
  }
}

/** Whether a prefix is a device and its colon. */
const isDevice = (prefix: string): boolean => prefix.length > 1 && prefix.indexOf(":") === prefix.length - 1;
