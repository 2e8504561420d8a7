// withoutUndefined: an object's fields without those that say nothing: a field that is undefined must not be there at all.

export function withoutUndefined(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
