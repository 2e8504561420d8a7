import { describe, expect, test } from 'vitest';
import type { CustomResourceDefinition } from '#src/crd/definition.ts';
import { setCondition } from '#src/crd/definition.ts';
import { customResourceDefinitionStrategy as strategy } from '#src/crd/definition-strategy.ts';
import { planNames } from '#src/crd/naming.ts';
import { created, cronTabs, errorsOf, SCHEMA, texts } from './definitions.ts';

const NOW = '2024-05-01T10:00:00Z';

test('a CustomResourceDefinition gets its names, its conversion and its first stored version by default', () => {
  const definition = created(cronTabs());
  expect(definition.spec.names).toMatchObject({ singular: 'crontab', listKind: 'CronTabList' });
  expect(definition.spec.conversion).toEqual({ strategy: 'None' });
  expect(definition.status).toEqual({
    conditions: [],
    acceptedNames: { plural: '', kind: '' },
    storedVersions: ['v1'],
  });
  expect(texts(strategy.validate(definition))).toEqual([]);
});

describe('CustomResourceDefinition.validate()', () => {
  const v1 = (): CustomResourceDefinition['spec']['versions'][number] => ({
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: SCHEMA as object },
  });
  const approval = 'metadata.annotations[api-approved.kubernetes.io]';
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  test.each<{
    name: string;
    change: (definition: CustomResourceDefinition) => void;
    want: string[];
  }>([
    {
      name: 'wants the name that plural and group make',
      change: ({ metadata }) => Object.assign(metadata ?? {}, { name: 'tabs.stable.example.com' }),
      want: [
        'metadata.name: Invalid value: "tabs.stable.example.com": must be spec.names.plural+"."+spec.group',
      ],
    },
    {
      name: 'wants a group with a dot',
      change: ({ metadata, spec }) => {
        spec.group = 'stable';
        Object.assign(metadata ?? {}, { name: 'crontabs.stable' });
      },
      want: ['spec.group: Invalid value: "stable": should be a domain with at least one dot'],
    },
    {
      name: 'knows two scopes',
      change: ({ spec }) => {
        spec.scope = 'Everywhere';
      },
      want: [
        'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"',
      ],
    },
    {
      name: 'wants a schema',
      change: ({ spec }) => delete spec.versions[0]?.schema,
      want: ['spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required'],
    },
    {
      name: 'refuses a kind that is the kind of its list',
      change: ({ spec }) => {
        spec.names.listKind = 'CronTab';
      },
      want: [
        'spec.names.listKind: Invalid value: "CronTab": kind and listKind may not be the same',
      ],
    },
    {
      name: 'wants approval in a group of Kubernetes itself',
      change: ({ metadata, spec }) => {
        spec.group = 'stable.k8s.io';
        Object.assign(metadata ?? {}, { name: 'crontabs.stable.k8s.io' });
      },
      want: [
        `${approval}: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", ${see}`,
      ],
    },
    {
      name: 'wants an approval that is an address or says unapproved',
      change: ({ metadata, spec }) => {
        spec.group = 'stable.kubernetes.io';
        Object.assign(metadata ?? {}, {
          name: 'crontabs.stable.kubernetes.io',
          annotations: { 'api-approved.kubernetes.io': 'yes' },
        });
      },
      want: [
        `${approval}: Invalid value: "yes": protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", ${see}`,
      ],
    },
    {
      name: 'takes an approval',
      change: ({ metadata, spec }) => {
        spec.group = 'stable.k8s.io';
        Object.assign(metadata ?? {}, {
          name: 'crontabs.stable.k8s.io',
          annotations: {
            'api-approved.kubernetes.io': 'https://github.com/kubernetes/enhancements/pull/78458',
          },
        });
      },
      want: [],
    },
    {
      name: 'wants simple paths for scale',
      change: ({ spec }) => {
        const scale = { specReplicasPath: 'spec.replicas', statusReplicasPath: '.spec.replicas' };
        Object.assign(spec.versions[0] ?? {}, { subresources: { scale } });
      },
      want: [
        'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: "spec.replicas": must be a simple json path starting with .',
        'spec.versions[0].subresources.scale.statusReplicasPath: Invalid value: ".spec.replicas": should be a json path under .status',
      ],
    },
    {
      name: 'knows the types of columns',
      change: ({ spec }) => {
        const column = { name: '', type: 'float', jsonPath: 'spec', format: 'hex' };
        Object.assign(spec.versions[0] ?? {}, { additionalPrinterColumns: [column] });
      },
      want: [
        'spec.versions[0].additionalPrinterColumns[0].name: Required value',
        'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "float": must be one of boolean,date,integer,number,string',
        'spec.versions[0].additionalPrinterColumns[0].format: Invalid value: "hex": must be one of byte,date,date-time,double,float,int32,int64,password',
        'spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with .',
      ],
    },
    {
      name: 'wants selectable fields to be scalars of the schema',
      change: ({ spec }) => {
        const selectableFields = ['.spec.image', '.spec.nope', '.spec', '.metadata.name'].map(
          (jsonPath) => ({ jsonPath }),
        );
        Object.assign(spec.versions[0] ?? {}, { selectableFields });
      },
      want: [
        'spec.versions[0].selectableFields[1].jsonPath: Invalid value: ".spec.nope": is an invalid path: does not refer to a valid field',
        'spec.versions[0].selectableFields[2].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        'spec.versions[0].selectableFields[3].jsonPath: Invalid value: ".metadata.name": is an invalid path: does not refer to a valid field',
      ],
    },
    {
      name: 'warns only of versions that are deprecated',
      change: ({ spec }) => Object.assign(spec.versions[0] ?? {}, { deprecationWarning: 'old' }),
      want: [
        'spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions',
      ],
    },
    {
      name: 'refuses to keep unknown fields everywhere',
      change: ({ spec }) => {
        spec.preserveUnknownFields = true;
      },
      want: [
        'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ],
    },
    {
      name: 'keeps webhook settings to the webhook strategy',
      change: ({ spec }) => {
        spec.conversion = { strategy: 'None', webhook: { conversionReviewVersions: ['v1'] } };
      },
      want: [
        'spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
      ],
    },
    {
      name: 'wants a webhook to have an address',
      change: ({ spec }) => {
        spec.conversion = { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v7'] } };
      },
      want: [
        'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
        'spec.conversion.conversionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1',
      ],
    },
  ])('$name', ({ change, want }) => {
    expect(errorsOf(cronTabs(change))).toEqual(want);
  });

  test.each([
    { name: 'no stored version', versions: [{ ...v1(), storage: false }], stored: true },
    { name: 'two stored versions', versions: [v1(), { ...v1(), name: 'v2' }], stored: false },
  ])('refuses $name', ({ versions, stored }) => {
    const errors = errorsOf(
      cronTabs(({ spec }) => {
        spec.versions = versions;
      }),
    );
    expect(errors[0]).toMatch(
      /^spec\.versions: Invalid value: .*: must have exactly one version marked as storage version$/,
    );
    const missing =
      'status.storedVersions: Invalid value: []: must have at least one stored version';
    expect(errors.includes(missing)).toBe(stored);
  });
});

describe('CustomResourceDefinition.validateUpdate()', () => {
  const established = (): CustomResourceDefinition => {
    const definition = created(cronTabs());
    const condition = { type: 'Established', status: 'True', reason: '', message: '' } as const;
    definition.status = {
      ...definition.status,
      conditions: setCondition([], condition, NOW),
    };
    Object.assign(definition.metadata ?? {}, { uid: 'u', creationTimestamp: NOW, generation: 1 });
    return definition;
  };
  const updated = (change: (definition: CustomResourceDefinition) => void) => {
    const old = established();
    const next = structuredClone(old);
    change(next);
    strategy.prepareForUpdate(next, old);
    return { next, errors: texts(strategy.validateUpdate(next, old)) };
  };

  test('kind and scope are fixed once the resource is served', () => {
    const { errors } = updated(({ spec }) => {
      spec.scope = 'Cluster';
      spec.names.kind = 'Tab';
    });
    expect(errors).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Tab": field is immutable',
    ]);
  });

  test('a version that was stored once may not leave', () => {
    const { errors } = updated(({ spec }) => {
      spec.versions = spec.versions.map((version) => ({ ...version, name: 'v2' }));
    });
    expect(errors).toEqual([
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ]);
  });

  test('a new stored version is remembered beside the old one', () => {
    const { next, errors } = updated(({ spec }) => {
      const [version] = spec.versions;
      if (version === undefined) throw new Error('no version');
      spec.versions = [
        { ...version, storage: false },
        { ...version, name: 'v2' },
      ];
    });
    expect(errors).toEqual([]);
    expect(next.status?.storedVersions).toEqual(['v1', 'v2']);
    expect(next.metadata?.generation).toBe(2);
  });
});

describe('planNames()', () => {
  const other = (names: object): CustomResourceDefinition =>
    cronTabs((definition) => {
      definition.status = { acceptedNames: { plural: 'others', kind: 'Other', ...names } };
    });
  test.each([
    {
      name: 'accepts names that nobody has',
      others: [],
      reason: 'NoConflicts',
      message: 'no conflicts found',
    },
    {
      name: 'refuses a plural',
      others: [other({ plural: 'crontabs' })],
      reason: 'PluralConflict',
      message: '"crontabs" is already in use',
    },
    {
      name: 'refuses a short name',
      others: [other({ shortNames: ['ct'] })],
      reason: 'ShortNamesConflict',
      message: '"ct" is already in use',
    },
    {
      name: 'refuses a kind',
      others: [other({ kind: 'CronTab' })],
      reason: 'KindConflict',
      message: '"CronTab" is already in use',
    },
    {
      name: 'refuses a kind that is the kind of a list',
      others: [other({ kind: 'CronTabList' })],
      reason: 'ListKindConflict',
      message: '"CronTabList" is already in use',
    },
  ])('$name', ({ others, reason, message }) => {
    const plan = planNames(created(cronTabs()), others);
    const status = reason === 'NoConflicts' ? 'True' : 'False';
    expect(plan.namesAccepted).toEqual({ type: 'NamesAccepted', status, reason, message });
    expect(plan.established).toMatchObject({
      status: 'False',
      reason: reason === 'NoConflicts' ? 'Installing' : 'NotAccepted',
    });
  });

  test('names that are free are given although another is not', () => {
    const plan = planNames(created(cronTabs()), [other({ shortNames: ['ct'] })]);
    expect(plan.acceptedNames).toEqual({
      plural: 'crontabs',
      singular: 'crontab',
      kind: 'CronTab',
      listKind: 'CronTabList',
    });
  });

  test('who has a name keeps it, and stays established', () => {
    const definition = created(cronTabs());
    definition.status = {
      acceptedNames: structuredClone(definition.spec.names),
      conditions: [
        { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'm' },
      ],
    };
    const plan = planNames(definition, [other({ plural: 'crontabs', shortNames: ['ct'] })]);
    expect(plan.namesAccepted.status).toBe('True');
    expect(plan.established).toMatchObject({ status: 'True', reason: 'InitialNamesAccepted' });
  });
});

test('setCondition() keeps the time of the last change of the status', () => {
  const condition = { type: 'Established', status: 'True', reason: 'A', message: '' } as const;
  const first = setCondition([], condition, NOW);
  const second = setCondition(first, { ...condition, reason: 'B' }, '2025-01-01T00:00:00Z');
  expect(second).toEqual([{ ...condition, reason: 'B', lastTransitionTime: NOW }]);
  const third = setCondition(second, { ...condition, status: 'False' }, '2025-01-01T00:00:00Z');
  expect(third[0]?.lastTransitionTime).toBe('2025-01-01T00:00:00Z');
});
