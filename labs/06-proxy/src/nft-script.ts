// nft-script: the text that brings nftables from one RuleSet to another.
//
// Each text is one transaction: nft sends it as a whole and the kernel takes all of it or nothing, so no packet ever
// meets half a change. replaceAll() is right whatever was there before; changes() names only what differs, and is
// right only on top of `previous`. An element's value cannot be changed in place, so it is deleted and added.
// Order inside a transaction: chains before the elements that name them, deletions before additions.
//
// Same idea upstream: sigs.k8s.io/knftables, Transaction.
// Left out here: deleting chains that no element names any more. There is one for each number of endpoints, so they
// stay few, and the next replaceAll() drops them.

import { elementOwners, type RuleSet } from './rules.ts';

export const TABLE = 'kube-proxy';

export const deleteTable = `add table ip ${TABLE}\ndelete table ip ${TABLE}\n`;

/** The whole table, in place of whatever was there. */
export function replaceAll(staticRules: readonly string[], rules: RuleSet): string {
  const body = staticRules.map((rule) => `  ${rule}\n`).join('');
  return [
    deleteTable,
    `table ip ${TABLE} {\n  comment "rules of kube-proxy"\n${body}}\n`,
    ...[...rules.chains].map(addChain),
    ...elementOwners.map((owner) => addElements(owner, [...rules.elements[owner]])),
  ].join('');
}

/** The difference, or '' when there is none. */
export function changes(previous: RuleSet, next: RuleSet): string {
  const chains = [...next.chains].filter(([name]) => !previous.chains.has(name)).map(addChain);
  const removed: string[] = [];
  const added: string[] = [];
  for (const owner of elementOwners) {
    const [before, after] = [previous.elements[owner], next.elements[owner]];
    const gone = [...before].filter(([key, value]) => after.get(key) !== value);
    const fresh = [...after].filter(([key, value]) => before.get(key) !== value);
    if (gone.length > 0) removed.push(deleteElements(owner, gone));
    added.push(addElements(owner, fresh));
  }
  return [...chains, ...removed, ...added].join('');
}

/** The chains that exist after changes(previous, next) was applied: none is deleted. */
export function afterChanges(previous: RuleSet, next: RuleSet): RuleSet {
  return { ...next, chains: new Map([...previous.chains, ...next.chains]) };
}

function addChain([name, rules]: readonly [string, readonly string[]]): string {
  const lines = rules.map((rule) => `add rule ip ${TABLE} ${name} ${rule}\n`);
  return `add chain ip ${TABLE} ${name}\n${lines.join('')}`;
}

function addElements(owner: string, elements: readonly (readonly [string, string])[]): string {
  if (elements.length === 0) return '';
  const texts = elements.map(([key, value]) => (value === '' ? key : `${key} : ${value}`));
  return `add element ip ${TABLE} ${owner} { ${texts.join(', ')} }\n`;
}

function deleteElements(owner: string, elements: readonly (readonly [string, string])[]): string {
  return `delete element ip ${TABLE} ${owner} { ${elements.map(([key]) => key).join(', ')} }\n`;
}
