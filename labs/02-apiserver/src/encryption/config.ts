// Encryption configuration: the file of --encryption-provider-config, as upstream's has it.
//
//   apiVersion: apiserver.config.k8s.io/v1
//   kind: EncryptionConfiguration
//   resources:
//     - resources: [secrets, configmaps.example.org, '*.apps', '*.*']    the first entry that names a resource counts
//       providers:
//         - aescbc: { keys: [{ name: key1, secret: <base64> }] }         the first key of the first provider writes
//         - identity: {}
// Pure: text in, transformers out. A secret never appears in an error.
// Upstream: apiserver, pkg/server/options/encryptionconfig and pkg/apis/apiserver/validation.
// Left out: KMS plugins (they are refused by name), and reading the file again while the server runs.
import { parse } from 'yaml';
import { bodyOf, type FieldError, invalidValue, required } from '../strategy/field-error.ts';
import { PROVIDERS, type ProviderName } from './providers.ts';
import { type KeyedCipher, type Transformer, transformerOf } from './transformer.ts';

/** Undefined = the resource is stored as it is. `resource` and `group` as in the API: `secrets`, ''. */
export type TransformerOf = (resource: string, group: string) => Transformer | undefined;

interface KeyEntry {
  readonly name?: string;
  readonly secret?: string;
}

type ProviderEntry = Readonly<
  Partial<Record<string, { readonly keys?: readonly KeyEntry[] } | null>>
>;

interface ResourceEntry {
  readonly resources?: readonly string[];
  readonly providers?: readonly ProviderEntry[];
}

interface EncryptionConfiguration {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly resources?: readonly ResourceEntry[];
}

const API_VERSIONS = ['apiserver.config.k8s.io/v1'];
const KIND = 'EncryptionConfiguration';

/** Throws an Error that names the file, every field that is wrong, and why. */
export function readEncryptionConfig(text: string, file: string): TransformerOf {
  const refuse = (reason: string): never => {
    throw new Error(`cannot read the encryption configuration ${file}: ${reason}`);
  };
  const config = parseText(text, refuse);
  if (!API_VERSIONS.includes(config.apiVersion ?? '') || config.kind !== KIND) {
    const found = `${config.apiVersion ?? ''} ${config.kind ?? ''}`.trim() || 'neither of them';
    refuse(`it must have apiVersion ${API_VERSIONS[0]} and kind ${KIND}, it has ${found}`);
  }
  const errors = checkConfig(config);
  if (errors.length > 0)
    refuse(errors.map((error) => `${error.field}: ${bodyOf(error)}`).join('; '));
  const entries = (config.resources ?? []).map(({ resources = [], providers = [] }) => ({
    names: resources,
    transformer: transformerOf(providers.flatMap(ciphersOf) as [KeyedCipher, ...KeyedCipher[]]),
  }));
  return (resource, group) =>
    entries.find(({ names }) => names.some((name) => covers(name, resource, group)))?.transformer;
}

function parseText(text: string, refuse: (reason: string) => never): EncryptionConfiguration {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    // Its first line: the rest quotes the file, which has secrets in it.
    refuse((error as Error).message.split('\n', 1)[0] ?? '');
  }
  if (!isObject(value)) refuse("EncryptionConfiguration can't be nil");
  return value as EncryptionConfiguration;
}

/** `secrets`, `deployments.apps`, `*.apps` (all of a group), `*.` (all of the core group), `*.*` (all). */
export function covers(name: string, resource: string, group: string): boolean {
  if (name === '*.*') return true;
  const dot = name.indexOf('.');
  const namedResource = dot < 0 ? name : name.slice(0, dot);
  const namedGroup = dot < 0 ? '' : name.slice(dot + 1);
  return namedGroup === group && (namedResource === '*' || namedResource === resource);
}

function ciphersOf(entry: ProviderEntry): readonly KeyedCipher[] {
  const [[name, provider]] = Object.entries(entry) as [[string, ProviderEntry[string]]];
  if (name === 'identity') return [{ prefix: '', cipher: undefined }];
  return (provider?.keys ?? []).map(({ name: keyName = '', secret = '' }) => ({
    prefix: `k8s:enc:${name}:v1:${keyName}:`,
    cipher: PROVIDERS[name as ProviderName].cipher(Buffer.from(secret, 'base64')),
  }));
}

function checkConfig({ resources }: EncryptionConfiguration): readonly FieldError[] {
  if (!Array.isArray(resources) || resources.length === 0) {
    return [required('resources', 'at least one resources is required')];
  }
  return resources.flatMap((entry: ResourceEntry, i) => {
    const at = `resources[${i}]`;
    const { resources: names, providers } = entry ?? {};
    return [
      ...(isFilled(names) ? checkNames(names, `${at}.resources`) : [missing(`${at}.resources`)]),
      ...(isFilled(providers)
        ? providers.flatMap((provider, j) => checkProvider(provider, `${at}.providers[${j}]`))
        : [missing(`${at}.providers`)]),
    ];
  });
}

function checkNames(names: readonly unknown[], at: string): readonly FieldError[] {
  return names.flatMap((name, i) => {
    const isName = typeof name === 'string' && /^(\*|[a-z0-9-]+)(\.[a-z0-9.*-]*)?$/.test(name);
    if (isName && name !== '*') return [];
    return [invalidValue(`${at}[${i}]`, name, `must be RESOURCE, RESOURCE.GROUP, *.GROUP or *.*`)];
  });
}

function checkProvider(provider: unknown, at: string): readonly FieldError[] {
  const names = isObject(provider) ? Object.keys(provider) : [];
  const [name] = names;
  if (name === undefined) return [required(at, 'at least one provider is required')];
  if (names.length > 1) {
    const detail =
      'more than one provider specified in a single element, should split into different list elements';
    return [invalidValue(at, names.join(', '), detail)];
  }
  if (name === 'identity') return [];
  if (!Object.hasOwn(PROVIDERS, name)) {
    const known = [...Object.keys(PROVIDERS), 'identity'].join(', ');
    return [invalidValue(at, name, `this server has ${known}`)];
  }
  const keys = (provider as ProviderEntry)[name]?.keys;
  if (!isFilled(keys)) return [missing(`${at}.${name}.keys`)];
  return [
    ...keys.flatMap((key, i) => checkKey(key, name as ProviderName, `${at}.${name}.keys[${i}]`)),
    ...checkUnique(keys, `${at}.${name}.keys`),
  ];
}

function checkKey(key: KeyEntry, provider: ProviderName, at: string): readonly FieldError[] {
  const { name, secret } = isObject(key) ? (key as KeyEntry) : {};
  const errors: FieldError[] = [];
  if (typeof name !== 'string' || name === '') {
    errors.push(required(`${at}.name`, 'name is a mandatory field for a key'));
  } else if (name.includes(':')) {
    errors.push(invalidValue(`${at}.name`, name, 'a colon ends a name where it is stored'));
  }
  if (typeof secret !== 'string' || secret === '') {
    errors.push(required(`${at}.secret`, 'secret is a mandatory field for a key'));
    return errors;
  }
  const bytes = Buffer.from(secret, 'base64');
  const { keyBytes } = PROVIDERS[provider];
  if (bytes.toString('base64') !== secret.trim()) {
    errors.push(invalidValue(`${at}.secret`, 'REDACTED', 'secrets must be base64 encoded'));
  } else if (!keyBytes.includes(bytes.length)) {
    const expected = `[${keyBytes.join(' ')}]`;
    const detail = `secret is not of the expected length, got ${bytes.length}, expected one of ${expected}`;
    errors.push(invalidValue(`${at}.secret`, 'REDACTED', detail));
  }
  return errors;
}

/** Two keys of one name could not be told apart in the store. */
function checkUnique(keys: readonly KeyEntry[], at: string): readonly FieldError[] {
  return keys.flatMap(({ name }, i) => {
    const isSecond = keys.findIndex((other) => other.name === name) < i;
    return isSecond ? [invalidValue(`${at}[${i}].name`, name, 'another key has this name')] : [];
  });
}

function missing(field: string): FieldError {
  const name = field.slice(field.lastIndexOf('.') + 1);
  return required(field, `at least one ${name} is required`);
}

function isFilled<T>(list: readonly T[] | undefined): list is readonly T[] {
  return Array.isArray(list) && list.length > 0;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
