// CniConfig: a network configuration of the Container Network Interface, and what each of its plugins is given of it. Pure.
//
// A .conflist names a chain of plugins, a .conf (or .json) is one plugin alone; either way a chain comes out. Name and version of
// the chain go to every plugin; of what the runtime knows (ports, ranges) a plugin gets what it declares as a capability.
// Versions before 0.3.0 are refused: their results are of another kind.
//
// Same contract upstream: containernetworking/cni, SPEC.md (sections 1 and 3), libcni.
// Left out here: the capabilities of bandwidth and dns; `loadOnlyInlinedPlugins`.

export type Json = Readonly<Record<string, unknown>>;

export interface CniPluginConfig extends Json {
  readonly type: string;
}

export interface CniConfig {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
  readonly plugins: readonly CniPluginConfig[];
}

/** In order. */
const VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function parseCniConfig(file: string, text: string): CniConfig {
  const cannot = (why: string) => new Error(`Cannot use CNI configuration ${file}: ${why}`);
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw cannot(`it is not JSON: ${error}`);
  }
  if (!isObject(config)) throw cannot('it is not an object');
  const plugins = file.endsWith('.conflist') ? config.plugins : [config];
  if (!Array.isArray(plugins) || plugins.length === 0) throw cannot('it has no plugins');
  if (!plugins.every(isPlugin)) throw cannot("a plugin has no 'type' that is a name of a program");
  const { name, cniVersion = '', cniVersions = [] } = config;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw cannot(`its name must be letters, digits, '_', '.' and '-', got ${JSON.stringify(name)}`);
  }
  const offered = [cniVersion, ...(Array.isArray(cniVersions) ? cniVersions : [])];
  const version = VERSIONS.findLast((one) => offered.includes(one));
  if (version === undefined) {
    throw cannot(`its cniVersion must be one of ${VERSIONS.join(', ')}, got ${offered.join(', ')}`);
  }
  return {
    ...{ name, cniVersion: version, plugins },
    disableCheck: isTrue(config.disableCheck),
    disableGc: isTrue(config.disableGC),
  };
}

export function isAtLeast({ cniVersion }: CniConfig, version: string): boolean {
  return VERSIONS.indexOf(cniVersion) >= VERSIONS.indexOf(version);
}

export function hasCapability({ plugins }: CniConfig, capability: string): boolean {
  return plugins.some((plugin) => capabilitiesOf(plugin).includes(capability));
}

export interface PluginInput {
  readonly prevResult?: Json | undefined;
  readonly capabilityArgs?: Json;
  /** Besides, for the commands that are about no container. */
  readonly more?: Json;
}

/** What the plugin reads from its stdin. */
export function pluginInput(
  { name, cniVersion }: CniConfig,
  plugin: CniPluginConfig,
  { prevResult, capabilityArgs = {}, more = {} }: PluginInput,
): string {
  const wanted = capabilitiesOf(plugin);
  const runtimeConfig = Object.entries(capabilityArgs).filter(([key]) => wanted.includes(key));
  const { capabilities: _, ...own } = plugin;
  return JSON.stringify({
    ...own,
    ...more,
    ...{ name, cniVersion },
    ...(runtimeConfig.length === 0 ? {} : { runtimeConfig: Object.fromEntries(runtimeConfig) }),
    ...(prevResult === undefined ? {} : { prevResult }),
  });
}

/** Addresses of the pod, without the lengths of their prefixes; not those that a result tells of the node's side. */
export function addressesOf(result: Json): readonly string[] {
  const { ips = [], interfaces = [] } = result as {
    ips?: readonly { address?: string; interface?: number }[];
    interfaces?: readonly { sandbox?: string }[];
  };
  return ips.flatMap(({ address, interface: index }) => {
    const isInside = index === undefined || interfaces[index] === undefined;
    if (!isInside && !interfaces[index]?.sandbox) return [];
    return typeof address === 'string' ? [address.split('/')[0] ?? ''] : [];
  });
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name, not a path: programs come from the directories for them only. */
function isPlugin(value: unknown): value is CniPluginConfig {
  return isObject(value) && typeof value.type === 'string' && NAME.test(value.type);
}

function capabilitiesOf({ capabilities }: CniPluginConfig): readonly string[] {
  if (!isObject(capabilities)) return [];
  return Object.keys(capabilities).filter((key) => capabilities[key] === true);
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}
