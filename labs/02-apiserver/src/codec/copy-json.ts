// copy-json: a deep copy of a value that came out of JSON.
//
// Every write copies an object a few times; structuredClone, which can do much more, takes six times as long.

export function copyJson<Value>(value: Value): Value {
  return copy(value) as Value;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    setOwn(result, key, copy((value as Readonly<Record<string, unknown>>)[key]));
  }
  return result;
}

/** `__proto__` must become a key like any other. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}
