// manager-name: who a write is by: what the client says in ?fieldManager=, or else the start of its User-Agent.
//
// Same rules upstream: apiserver, endpoints/handlers/create.go (managerOrUserAgent) and apimachinery, meta/v1/validation.

/** In bytes. */
export const MANAGER_LENGTH_MAX = 128;

const NOT_PRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
const NOT_PRINTABLE_ALL = new RegExp(NOT_PRINTABLE.source, 'gu');

/** `kubectl-create`, or of `kubectl/v1.33.1 (linux/amd64)` `kubectl`. */
export function managerName(fieldManager: string | null, userAgent: string | undefined): string {
  if (fieldManager !== null && fieldManager !== '') return fieldManager;
  const prefix = (userAgent ?? '').split('/')[0] ?? '';
  let name = '';
  for (const character of prefix.replace(NOT_PRINTABLE_ALL, '')) {
    if (Buffer.byteLength(name + character) > MANAGER_LENGTH_MAX) break;
    name += character;
  }
  return name;
}

export interface BadCharacter {
  /** As Go prints it: `U+0007`, `U+2028`. */
  readonly name: string;
  /** In bytes. */
  readonly position: number;
}

/** The first character that may not be in a manager's name. */
export function badCharacterOf(fieldManager: string): BadCharacter | undefined {
  const found = NOT_PRINTABLE.exec(fieldManager);
  if (found === null) return undefined;
  const code = found[0].codePointAt(0) ?? 0;
  return {
    name: `U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
    position: Buffer.byteLength(fieldManager.slice(0, found.index)),
  };
}
