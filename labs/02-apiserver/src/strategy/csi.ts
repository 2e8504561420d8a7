// csi: the strategies of what storage drivers tell the cluster about themselves: drivers, their nodes, the room they have.
//
// Same rules upstream: pkg/apis/storage/v1/defaults.go, pkg/apis/storage/validation (ValidateCSIDriver, ValidateCSINode,
// ValidateCSIStorageCapacity).

import type {
  CSIDriver,
  CSIDriverSpec,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
} from 'kubernetes-types/storage/v1';
import { nanoOfQuantity } from '../codec/quantity.ts';
import { validateCsiDriverName, validateQualifiedName } from './domain-rules.ts';
import { sameValue } from './equality.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { nonNegative } from './probes.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'] as const;
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral'] as const;
const TOKEN_MIN_SECONDS = 600;
const TOKEN_MAX_SECONDS = 2 ** 32;
const NODE_ID_MAX_CHARS = 192;
const REQUIRED_FLAGS = [
  // Upstream's own spelling of attachRequired.
  ['attachRequired', 'attachedRequired'],
  ['podInfoOnMount', 'podInfoOnMount'],
  ['storageCapacity', 'storageCapacity'],
] as const;

export const csiDriverStrategy: Strategy = defineStrategy<CSIDriver>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasStatus: false,
  setDefaults(driver) {
    driver.spec ??= {};
    const { spec } = driver;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  prepareForUpdate(driver, old) {
    const { generation = 0 } = old.metadata ?? {};
    const changed = !sameValue(driver.spec, old.spec);
    const next = changed ? generation + 1 : generation;
    if (next > 0) driver.metadata = { ...driver.metadata, generation: next };
  },
  validate: ({ spec }) => validateDriverSpec(spec ?? {}, 'spec'),
  validateUpdate: ({ spec }, old) => [
    ...validateImmutable(spec.attachRequired, old.spec.attachRequired, 'spec.attachedRequired'),
    ...validateImmutable(
      spec.volumeLifecycleModes,
      old.spec.volumeLifecycleModes,
      'spec.volumeLifecycleModes',
    ),
  ],
});

function validateDriverSpec(spec: CSIDriverSpec, field: string): FieldError[] {
  const { fsGroupPolicy, tokenRequests = [], volumeLifecycleModes = [] } = spec;
  return [
    ...REQUIRED_FLAGS.flatMap(([name, shown]) =>
      spec[name] === undefined ? [required(`${field}.${shown}`)] : [],
    ),
    ...(fsGroupPolicy === undefined || (GROUP_POLICIES as readonly string[]).includes(fsGroupPolicy)
      ? []
      : [notSupported(`${field}.fsGroupPolicy`, fsGroupPolicy, GROUP_POLICIES)]),
    ...validateTokenRequests(tokenRequests, `${field}.tokenRequests`),
    ...volumeLifecycleModes.flatMap((mode) =>
      (LIFECYCLE_MODES as readonly string[]).includes(mode)
        ? []
        : [notSupported(`${field}.volumeLifecycleModes`, mode, LIFECYCLE_MODES)],
    ),
  ];
}

function validateTokenRequests(
  requests: NonNullable<CSIDriverSpec['tokenRequests']>,
  field: string,
): FieldError[] {
  const audiences = new Set<string>();
  return requests.flatMap(({ audience, expirationSeconds: seconds }, index) => {
    const at = `${field}[${index}]`;
    if (audiences.has(audience)) return [duplicate(`${at}.audience`, audience)];
    audiences.add(audience);
    if (seconds === undefined) return [];
    const expiry = `${at}.expirationSeconds`;
    if (seconds < TOKEN_MIN_SECONDS) {
      return [invalidValue(expiry, seconds, 'may not specify a duration less than 10 minutes')];
    }
    const detail = 'may not specify a duration larger than 2^32 seconds';
    return seconds > TOKEN_MAX_SECONDS ? [invalidValue(expiry, seconds, detail)] : [];
  });
}

export const csiNodeStrategy: Strategy = defineStrategy<CSINode>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasStatus: false,
  validate: ({ spec }) => validateNodeDrivers(spec?.drivers ?? [], 'spec.drivers'),
  validateUpdate: ({ spec }, old) =>
    (old.spec.drivers ?? []).flatMap((before) =>
      (spec?.drivers ?? [])
        .filter(({ name }) => name === before.name)
        .flatMap((driver) => validateImmutable(driver, before, 'spec.drivers')),
    ),
});

function validateNodeDrivers(drivers: readonly CSINodeDriver[], field: string): FieldError[] {
  const names = new Set<string>();
  return drivers.flatMap(({ name, nodeID = '', allocatable, topologyKeys = [] }, index) => {
    const at = `${field}[${index}]`;
    const errors = validateCsiDriverName(name, `${at}.name`);
    if (nodeID === '') errors.push(required(`${at}.nodeID`));
    if (nodeID.length > NODE_ID_MAX_CHARS) {
      const detail = `must be ${NODE_ID_MAX_CHARS} characters or less`;
      errors.push(invalidValue(`${at}.nodeID`, nodeID, detail));
    }
    errors.push(...nonNegative(allocatable?.count ?? 0, `${at}.allocatable.count`));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    topologyKeys.forEach((key, position) => {
      if (key === '') errors.push(required(at));
      if (topologyKeys.indexOf(key) < position) errors.push(duplicate(at, key));
      errors.push(...validateQualifiedName(key, at));
    });
    return errors;
  });
}

export const csiStorageCapacityStrategy: Strategy = defineStrategy<CSIStorageCapacity>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate: ({ nodeTopology, storageClassName = '', capacity }) => [
    ...validateLabelSelector(nodeTopology, 'nodeTopology'),
    ...invalidValues('storageClassName', storageClassName, dns1123Subdomain(storageClassName)),
    ...(capacity !== undefined && nanoOfQuantity(capacity) < 0n
      ? [invalidValue('capacity', capacity, 'must be greater than or equal to 0')]
      : []),
  ],
  validateUpdate: (capacity, old) =>
    (['nodeTopology', 'storageClassName'] as const).flatMap((field) =>
      validateImmutable(capacity[field], old[field], field),
    ),
});
