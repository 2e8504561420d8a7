// type-descriptions: the sentences that @kubernetes/client-node lost, from kubernetes-types.
//
// The generator of the former keeps no description beside a reference to another type (`spec`, `resources`, …); the
// interfaces of the latter were made from the same OpenAPI document, one release earlier, and keep them all.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Descriptions by `Interface.field` of one group-version, such as `core/v1`. */
export function readDescriptions(
  directory: string,
  groupVersion: string,
): ReadonlyMap<string, string> {
  const descriptions = new Map<string, string>();
  const file = join(directory, `${groupVersion}.d.ts`);
  if (!existsSync(file)) return descriptions;
  let owner = '';
  let comment = '';
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const text = line.trim();
    if (text.startsWith('/**')) comment = '';
    if (text.startsWith('/**') || text.startsWith('*')) {
      const words = text.replace(/^(\/\*\*|\*\/|\*)\s*/, '').replace(/\s*\*\/$/, '');
      comment += `${comment === '' || words === '' ? '' : ' '}${words}`;
      continue;
    }
    const opened = /^export (?:declare )?(?:interface|class) (\w+)/.exec(text);
    if (opened !== null) owner = opened[1] ?? '';
    const member = /^"?([\w$-]+)"?\??: /.exec(text);
    if (member !== null) descriptions.set(`${owner}.${member[1]}`, comment);
    comment = '';
  }
  return descriptions;
}
