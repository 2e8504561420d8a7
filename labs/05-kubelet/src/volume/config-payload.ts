// ConfigPayload: the files of secret, configMap, downwardAPI and projected volumes: which, with what in them, which mode.
//
// Items choose keys and give them paths; without items every key is a file. What is missing and not optional keeps the
// pod's containers from starting, with a message that says what is missing.
//
// Same idea upstream: kubernetes, pkg/volume/{secret,configmap,downwardapi,projected}.
// Left out here: cluster trust bundles in projected volumes.

import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from 'kubernetes-types/core/v1';
import type { ConfigData, ConfigReader } from '../container/environment.ts';
import { fieldValue, type PodSurroundings, resourceValue } from '../container/field-ref.ts';
import type { Payload, ProjectedFile } from './atomic-writer.ts';
import { fsUserOf } from './fs-group.ts';
import type { ServiceAccountTokens } from './service-account-token.ts';

const FILE_MODE_DEFAULT = 0o644;
/** Of a token that has an owner: nobody else needs it. */
const TOKEN_MODE = 0o600;

export interface PayloadSources {
  readonly reader: ConfigReader;
  readonly surroundings: PodSurroundings;
  readonly tokens?: Pick<ServiceAccountTokens, 'token'> | undefined;
}

type Source = Pick<
  VolumeProjection,
  'configMap' | 'secret' | 'downwardAPI' | 'serviceAccountToken'
>;

export async function payloadOf(
  pod: Pod,
  volume: Volume,
  sources: PayloadSources,
): Promise<Payload> {
  const { secret, configMap, downwardAPI, projected } = volume;
  const defaultMode =
    (secret ?? configMap ?? downwardAPI ?? projected)?.defaultMode ?? FILE_MODE_DEFAULT;
  const list: readonly Source[] = projected?.sources ?? [
    {
      ...(secret === undefined ? {} : { secret: { ...secret, name: secret.secretName ?? '' } }),
      ...(configMap === undefined ? {} : { configMap }),
      ...(downwardAPI === undefined ? {} : { downwardAPI }),
    },
  ];
  const payload = new Map<string, ProjectedFile>();
  for (const source of list) {
    for (const [path, file] of await filesOf(pod, source, { ...sources, defaultMode })) {
      payload.set(path, file);
    }
  }
  checkParents(payload);
  return payload;
}

/** Of two keys one may be meant to be a file, and the other to lie in it. */
function checkParents(payload: Payload): void {
  for (const path of payload.keys()) {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
      const parent = path.slice(0, end);
      if (payload.has(parent))
        throw new Error(`invalid path: ${path}: ${parent} is not a directory`);
    }
  }
}

async function filesOf(
  pod: Pod,
  source: Source,
  context: PayloadSources & { readonly defaultMode: number },
): Promise<Payload> {
  const { reader, defaultMode } = context;
  const namespace = pod.metadata?.namespace ?? '';
  if (source.secret !== undefined) {
    const { name = '', items, optional = false } = source.secret;
    const data = await reader.secret(namespace, name);
    const missingKey = 'references non-existent secret';
    return pickFiles(data, {
      ...{ items, optional, defaultMode, missingKey },
      what: `secret "${name}"`,
    });
  }
  if (source.configMap !== undefined) {
    const { name = '', items, optional = false } = source.configMap;
    const data = await reader.configMap(namespace, name);
    const missingKey = 'configmap references non-existent config';
    return pickFiles(data, {
      ...{ items, optional, defaultMode, missingKey },
      what: `configmap "${name}"`,
    });
  }
  if (source.serviceAccountToken !== undefined) {
    return tokenFile(pod, source.serviceAccountToken, context);
  }
  if (source.downwardAPI === undefined) {
    throw new Error(`there are no projected sources of the kind ${Object.keys(source).join(', ')}`);
  }
  const { items = [] } = source.downwardAPI;
  return new Map(items.map((item) => [item.path, downwardFile(pod, item, context)]));
}

function pickFiles(
  data: ConfigData | undefined,
  options: {
    items: readonly KeyToPath[] | undefined;
    optional: boolean;
    defaultMode: number;
    what: string;
    missingKey: string;
  },
): Payload {
  const { items, optional, defaultMode, what, missingKey } = options;
  if (data === undefined) {
    if (optional) return new Map();
    throw new Error(`${what} not found`);
  }
  const wanted: readonly KeyToPath[] = items ?? [...data.keys()].map((key) => ({ key, path: key }));
  const files = new Map<string, ProjectedFile>();
  for (const { key, path, mode } of wanted) {
    const content = data.get(key);
    if (content !== undefined) files.set(path, { data: content, mode: mode ?? defaultMode });
    else if (!optional) throw new Error(`${missingKey} key: ${key}`);
  }
  return files;
}

async function tokenFile(
  pod: Pod,
  projection: ServiceAccountTokenProjection,
  { tokens, defaultMode }: PayloadSources & { readonly defaultMode: number },
): Promise<Payload> {
  if (tokens === undefined) throw new Error('failed to fetch token: no API server to ask');
  const data = Buffer.from(await tokens.token(pod, projection));
  const uid = fsUserOf(pod);
  const isOwned = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  const mode = isOwned ? TOKEN_MODE : defaultMode;
  return new Map([[projection.path, { data, mode, ...(uid === undefined ? {} : { uid }) }]]);
}

function downwardFile(
  pod: Pod,
  item: DownwardAPIVolumeFile,
  context: PayloadSources & { readonly defaultMode: number },
): ProjectedFile {
  const { fieldRef, resourceFieldRef, mode = context.defaultMode } = item;
  const { surroundings } = context;
  const [container] = pod.spec?.containers ?? [];
  const value =
    fieldRef !== undefined
      ? fieldValue(pod, fieldRef.fieldPath, surroundings)
      : resourceFieldRef !== undefined && container !== undefined
        ? resourceValue(pod, resourceFieldRef, { container, allocatable: surroundings.allocatable })
        : undefined;
  if (value === undefined) throw new Error(`unsupported fieldPath: ${fieldRef?.fieldPath}`);
  return { data: Buffer.from(value), mode };
}
