// shared-fields: an object out of its stored JSON, whose fieldsV1 are the very objects that others like it have.
//
// Ten thousand pods of one deployment are owned field by field in the same way, and two thirds of what a pod is made of in memory are
// these field names. So the last few texts of fieldsV1 are remembered with what they were parsed into. Where the JSON goes on with one
// of them it is cut out, a number is parsed in its place, and the known object put there. That costs no more than parsing it did.
//
// Invariant: what is shared is frozen; a change by mistake would be one of every object.
// What is not shared (the addresses in a kubelet's status make a text of their own for each pod) is parsed as ever, and soon forgotten.
// Nothing like it upstream, which holds fieldsV1 as bytes until somebody asks.

import type { ReadonlyApiObject } from './api-object.ts';

/** Every text is compared with these, mostly up to their first few bytes. */
const KNOWN_MAX = 16;
const FIELDS_KEY = '"fieldsV1":';
const FIELDS_START = `${FIELDS_KEY}{`;

interface KnownFields {
  readonly text: string;
  readonly fields: object;
}

/** Before its place is filled again, one says the number of what was cut out. */
interface Entry {
  fieldsV1?: object | number | undefined;
}

/** What was used last is first. */
let known: readonly KnownFields[] = [];

export function parseSharingFields(text: string): ReadonlyApiObject {
  const { shortened, cut } = withoutKnown(text);
  const object = JSON.parse(shortened) as ReadonlyApiObject;
  let used = 0;
  for (const entry of (object.metadata.managedFields ?? []) as Entry[]) {
    const { fieldsV1 } = entry;
    if (typeof fieldsV1 === 'number') {
      entry.fieldsV1 = cut[fieldsV1];
      used += 1;
    } else if (fieldsV1 !== undefined) {
      remember({ text: JSON.stringify(fieldsV1), fields: fieldsV1 });
    }
  }
  // Unequal when some other field, of a custom resource, is called fieldsV1 and says the same as one of these.
  return used === cut.length ? object : (JSON.parse(text) as ReadonlyApiObject);
}

/** The text with the place of what it names in `cut` instead of each known fieldsV1. */
function withoutKnown(text: string): { shortened: string; cut: readonly object[] } {
  const cut: object[] = [];
  let shortened = '';
  let from = 0;
  for (let at = text.indexOf(FIELDS_START); at >= 0; at = text.indexOf(FIELDS_START, from)) {
    const start = at + FIELDS_KEY.length;
    // A whole object in JSON is never the beginning of another one.
    const found = known.find((one) => text.startsWith(one.text, start));
    if (found === undefined) {
      shortened += text.slice(from, start);
      from = start;
      continue;
    }
    shortened += text.slice(from, start) + cut.length;
    from = start + found.text.length;
    cut.push(freeze(found.fields));
    remember(found);
  }
  return { shortened: shortened + text.slice(from), cut };
}

function remember(fields: KnownFields): void {
  if (known[0] === fields) return;
  known = [fields, ...known.filter((one) => one !== fields)].slice(0, KNOWN_MAX);
}

function freeze(fields: object): object {
  if (Object.isFrozen(fields)) return fields;
  Object.values(fields).forEach(freeze);
  return Object.freeze(fields);
}
