// runtime-config: which groups and versions the server offers, against its defaults: `extensions/v1beta1=true`.
//
// A version that is switched off is still in the table, hidden: its objects stay in the store, and the server's own parts find them.
//
// Same flag upstream: --runtime-config (apiserver, server/resourceconfig). Left out: single resources, and the classes api/ga, api/beta.

import { groupVersionOf, type ResourceDefinition } from './resource-definition.ts';
import { OPTIONAL_RESOURCES, RESOURCES } from './resources.ts';

/** By group and version (`batch/v1`, `v1`); `api/all` is every one that is not named. */
export type RuntimeConfig = Readonly<Record<string, boolean>>;

const ALL = 'api/all';

export function definitionsFor(config: RuntimeConfig = {}): readonly ResourceDefinition[] {
  const isOn = (definition: ResourceDefinition, byDefault: boolean) =>
    config[groupVersionOf(definition)] ?? config[ALL] ?? byDefault;
  const optional = OPTIONAL_RESOURCES.filter((definition) => isOn(definition, false));
  const hidden = new Map(
    RESOURCES.filter((definition) => !isOn(definition, true)).map((definition) => [
      definition,
      { ...definition, unserved: true as const },
    ]),
  );
  if (hidden.size === 0) return [...RESOURCES, ...optional];
  return [...RESOURCES, ...optional].map((definition) => {
    const { storedAs } = definition;
    const own = hidden.get(definition) ?? definition;
    const root = storedAs && hidden.get(storedAs.definition);
    return storedAs === undefined || root === undefined
      ? own
      : { ...own, storedAs: { ...storedAs, definition: root } };
  });
}

/** Throws for a name that nothing has. */
export function parseRuntimeConfig(pairs: readonly string[]): RuntimeConfig {
  const known = new Set([...RESOURCES, ...OPTIONAL_RESOURCES].map(groupVersionOf));
  const config: Record<string, boolean> = {};
  for (const pair of pairs) {
    const [name = '', value = 'true'] = pair.split('=');
    if (name !== ALL && !known.has(name)) {
      throw new Error(
        `Cannot use --runtime-config ${pair}: ${name} is no group and version of this server`,
      );
    }
    if (value !== 'true' && value !== 'false') {
      throw new Error(`Cannot use --runtime-config ${pair}: ${name} needs true or false`);
    }
    config[name] = value === 'true';
  }
  return config;
}
