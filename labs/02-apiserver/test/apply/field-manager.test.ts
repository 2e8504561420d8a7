import type { ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { emptyObject } from '#src/apply/empty-object.ts';
import { applyConfiguration, updateManagedFields } from '#src/apply/field-manager.ts';
import { EMPTY_SET } from '#src/apply/field-set.ts';
import { LAST_APPLIED } from '#src/apply/last-applied.ts';
import { apiVersionOf, builtInKind, type KindName, managedKind } from '#src/apply/managed-kind.ts';
import { badCharacterOf, managerName } from '#src/apply/manager-name.ts';
import { resetFields } from '#src/apply/reset-fields.ts';
import { structureOfSchema } from '#src/apply/schema-structure.ts';
import { asMap, type JsonMap } from '#src/apply/type-structure.ts';

const DEPLOYMENT = { group: 'apps', version: 'v1', kind: 'Deployment', resource: 'deployments' };
const POD = { group: '', version: 'v1', kind: 'Pod', resource: 'pods' };
const SERVICE = { group: '', version: 'v1', kind: 'Service', resource: 'services' };
const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps' };
const NOW = '2024-05-01T10:00:00Z';

const kindOf = (name: KindName & { resource: string }, subresource = '') =>
  builtInKind(name, resetFields(name, { subresource, hasStatus: true }));

function typed(name: KindName, content: JsonMap): JsonMap {
  return { kind: name.kind, apiVersion: apiVersionOf(name), ...content };
}

const container = {
  name: 'nginx',
  image: 'nginx',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'Always',
};
const podSpec = {
  containers: [container],
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  securityContext: {},
  schedulerName: 'default-scheduler',
};
const deployment = typed(DEPLOYMENT, {
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: podSpec },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  },
  status: {},
});

const ownedContainer =
  '{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},PORTS"f:resources":{},' +
  '"f:terminationMessagePath":{},"f:terminationMessagePolicy":{}}';
const ownedPodSpec = (ports = '') =>
  `{"f:containers":{"k:{\\"name\\":\\"nginx\\"}":${ownedContainer.replace('PORTS', ports)}},` +
  '"f:dnsPolicy":{},"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{},' +
  '"f:terminationGracePeriodSeconds":{}}';
const byCreate = { manager: 'kubectl-create', subresource: '', now: NOW };

describe('updateManagedFields() at a create', () => {
  test.each([
    {
      name: DEPLOYMENT,
      object: deployment,
      want:
        '{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:progressDeadlineSeconds":{},' +
        '"f:replicas":{},"f:revisionHistoryLimit":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":' +
        '{".":{},"f:maxSurge":{},"f:maxUnavailable":{}},"f:type":{}},"f:template":{"f:metadata":' +
        `{"f:labels":{".":{},"f:app":{}}},"f:spec":${ownedPodSpec()}}}}`,
    },
    {
      name: POD,
      object: typed(POD, {
        metadata: { name: 'p', namespace: 'default', annotations: { a: 'b' } },
        spec: {
          ...podSpec,
          containers: [{ ...container, ports: [{ containerPort: 80, protocol: 'TCP' }] }],
          nodeSelector: { disk: 'ssd' },
          volumes: [{ name: 'v', emptyDir: {} }],
        },
        status: {},
      }),
      want: `{"f:metadata":{"f:annotations":{".":{},"f:a":{}}},"f:spec":${ownedPodSpec(
        '"f:ports":{".":{},"k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},',
      ).replace('"f:restartPolicy"', '"f:nodeSelector":{},"f:restartPolicy"')}}`.replace(
        '"f:terminationGracePeriodSeconds":{}}',
        '"f:terminationGracePeriodSeconds":{},"f:volumes":{".":{},"k:{\\"name\\":\\"v\\"}":{".":{},"f:emptyDir":{},"f:name":{}}}}',
      ),
    },
    {
      name: SERVICE,
      object: typed(SERVICE, {
        metadata: { name: 's', namespace: 'default', finalizers: ['x/y'] },
        spec: {
          ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
          selector: { app: 'web' },
          sessionAffinity: 'None',
          type: 'ClusterIP',
          internalTrafficPolicy: 'Cluster',
        },
        status: { loadBalancer: {} },
      }),
      want:
        '{"f:metadata":{"f:finalizers":{".":{},"v:\\"x/y\\"":{}}},"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},' +
        '"k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},' +
        '"f:selector":{},"f:sessionAffinity":{},"f:type":{}}}',
    },
    {
      name: CONFIG_MAP,
      object: typed(CONFIG_MAP, { metadata: { name: 'c' }, data: { b: '', a: 'x' } }),
      want: '{"f:data":{".":{},"f:a":{},"f:b":{}}}',
    },
  ])('gives a $name.kind the list that upstream gives it', ({ name, object, want }) => {
    const [entry, ...others] = updateManagedFields(undefined, object, byCreate, kindOf(name)) ?? [];
    expect(others).toEqual([]);
    const { fieldsV1, ...rest } = entry ?? {};
    expect(JSON.stringify(fieldsV1)).toBe(want);
    expect(JSON.stringify(rest)).toBe(
      JSON.stringify({
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: apiVersionOf(name),
        time: NOW,
        fieldsType: 'FieldsV1',
      }),
    );
  });

  test('counts a writer without a name as unknown', () => {
    const by = { ...byCreate, manager: '' };
    const list = updateManagedFields(undefined, deployment, by, kindOf(DEPLOYMENT));
    expect(list?.[0]?.manager).toBe('unknown');
  });
});

describe('updateManagedFields() of a status', () => {
  test('gives the writer what it set there, and nothing beside it', () => {
    const live = {
      ...deployment,
      metadata: {
        ...asMap(deployment.metadata),
        uid: 'u',
        managedFields: updateManagedFields(undefined, deployment, byCreate, kindOf(DEPLOYMENT)),
      },
    };
    const next = {
      ...live,
      spec: { ...asMap(deployment.spec), replicas: 7 },
      status: { replicas: 1, conditions: [{ type: 'Available', status: 'True' }] },
    };
    const by = { manager: 'controller', subresource: 'status', now: NOW };
    const list = updateManagedFields(live, next, by, kindOf(DEPLOYMENT, 'status')) ?? [];
    const [controller, creator] = list;
    expect(creator).toBe(live.metadata.managedFields?.[0]);
    expect(controller).toMatchObject({ manager: 'controller', subresource: 'status' });
    expect(JSON.stringify(controller?.fieldsV1)).toBe(
      '{"f:status":{"f:conditions":{".":{},"k:{\\"type\\":\\"Available\\"}":{".":{},"f:status":{},"f:type":{}}},"f:replicas":{}}}',
    );
  });
});

describe('emptyObject()', () => {
  test('is what Go writes of an object that nobody filled in', () => {
    expect(emptyObject('io.k8s.api.apps.v1.Deployment')).toMatchObject({
      metadata: {},
      spec: { strategy: {}, template: { metadata: {}, spec: { containers: null } } },
      status: {},
    });
  });
});

const managers = (list: ManagedFieldsEntry[] | undefined): string[] =>
  (list ?? []).map(({ manager, operation }) => `${manager} ${operation}`);

describe('applyConfiguration() as kubectl, of an object that was applied by the client', () => {
  const kind = kindOf(CONFIG_MAP);
  const config = (data: JsonMap) => typed(CONFIG_MAP, { metadata: { name: 'c' }, data });
  const annotated = (data: JsonMap, last: JsonMap): JsonMap =>
    typed(CONFIG_MAP, {
      metadata: { name: 'c', annotations: { [LAST_APPLIED]: `${JSON.stringify(last)}\n` } },
      data,
    });
  const stored = (object: JsonMap): JsonMap => {
    const by = { manager: 'kubectl-client-side-apply', subresource: '', now: NOW };
    const managedFields = updateManagedFields(undefined, object, by, kind);
    return { ...object, metadata: { ...asMap(object.metadata), uid: 'u', managedFields } };
  };
  const apply = (live: JsonMap, next: JsonMap, manager = 'kubectl') =>
    applyConfiguration(live, next, { manager, subresource: '', now: NOW, force: false }, kind);

  test('a field that is as the annotation says is no conflict', () => {
    const live = stored(annotated({ a: '1' }, config({ a: '1' })));
    const { object, managedFields } = apply(live, config({ a: '2' }));
    expect(object.data).toEqual({ a: '2' });
    expect(managers(managedFields)).toEqual(['kubectl Apply', 'kubectl-client-side-apply Update']);
  });

  test('the annotation gets the configuration, as kubectl writes it', () => {
    const live = stored(annotated({ a: '1' }, config({ a: '1' })));
    const { object } = apply(live, config({ b: 'x', a: '2' }));
    expect(asMap(asMap(object.metadata).annotations)[LAST_APPLIED]).toBe(
      '{"apiVersion":"v1","data":{"a":"2","b":"x"},"kind":"ConfigMap","metadata":{"name":"c"}}\n',
    );
  });

  test('a field that somebody changed since is a conflict', () => {
    const live = stored(annotated({ a: 'changed' }, config({ a: '1' })));
    expect(() => apply(live, config({ a: '2' }))).toThrow(
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a',
    );
  });

  test('another manager hears of the conflict, and leaves the annotation alone', () => {
    const live = stored(annotated({ a: '1' }, config({ a: '1' })));
    expect(() => apply(live, config({ a: '2' }), 'helm')).toThrow(/Apply failed with 1 conflict/);
    const { object } = apply(live, config({ b: 'x' }), 'helm');
    expect(asMap(object.metadata).annotations).toEqual(asMap(live.metadata).annotations);
  });

  test.each(['', '{', '[]', '{"apiVersion":"v2"}', '{"apiVersion":"v1","nope":1}'])(
    'an annotation %j explains nothing',
    (text) => {
      const object = config({ a: '1' });
      const live = stored({
        ...object,
        metadata: { name: 'c', annotations: { [LAST_APPLIED]: text } },
      });
      expect(() => apply(live, config({ a: '2' }))).toThrow(/Apply failed with 1 conflict/);
    },
  );

  test('an annotation that would be too large goes', () => {
    const live = stored(annotated({ a: '1' }, config({ a: '1' })));
    const { object } = apply(live, config({ a: '1', big: 'x'.repeat(300_000) }));
    expect(asMap(object.metadata).annotations).toEqual({});
  });
});

describe('applyConfiguration() refuses', () => {
  const by = { manager: 'm', subresource: '', now: NOW, force: true };
  test.each([
    {
      name: 'another kind',
      config: { apiVersion: 'v1', kind: 'Pod' },
      why: 'invalid object type: /v1, Kind=Pod',
    },
    { name: 'no kind', config: {}, why: 'invalid object type: /, Kind=' },
    {
      name: 'another version',
      config: { apiVersion: 'apps/v2', kind: 'Deployment' },
      why: 'invalid object type: apps/v2, Kind=Deployment',
    },
    {
      name: 'a list of managers',
      config: { ...deployment, metadata: { managedFields: [] } },
      why: 'metadata.managedFields must be nil',
    },
    {
      name: 'a field that there is not',
      config: typed(DEPLOYMENT, {
        metadata: { name: 'web', namespace: 'default' },
        spec: { foo: 1 },
      }),
      why: 'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema',
    },
    {
      name: 'metadata that is none',
      config: typed(DEPLOYMENT, { metadata: 'x' }),
      why: 'failed to create typed patch object (/; apps/v1, Kind=Deployment): .metadata: expected map, got &{"x"}',
    },
  ])('$name', ({ config, why }) => {
    const run = () => applyConfiguration(undefined, config, by, kindOf(DEPLOYMENT));
    expect(run).toThrow(why);
    expect(run).toThrow(expect.objectContaining({ code: 400 }));
    expect(run).toThrow(ApiError);
  });
});

describe('a kind with several versions', () => {
  const text = { type: 'string' };
  const shapeOf = (field: string) => ({
    structure: structureOfSchema({
      type: 'object',
      properties: { [field]: text, other: text },
    }),
    empty: {},
  });
  /** What is `old` in v1 is `new` in v2. */
  const kindIn = (version: 'v1' | 'v2') =>
    managedKind({
      group: 'test.io',
      version,
      kind: 'Thing',
      ignored: EMPTY_SET,
      shape: (apiVersion) =>
        ({ 'test.io/v1': shapeOf('old'), 'test.io/v2': shapeOf('new') })[apiVersion],
      convert: (object, from) => {
        const [before, after] = from === 'test.io/v1' ? ['old', 'new'] : ['new', 'old'];
        const { [before]: value, ...rest } = object;
        return value === undefined ? rest : { ...rest, [after]: value };
      },
    });
  const config = (version: string, content: JsonMap) => ({
    apiVersion: `test.io/${version}`,
    kind: 'Thing',
    ...content,
  });
  const by = (manager: string) => ({ manager, subresource: '', now: NOW, force: false });
  const created = () => {
    const { object, managedFields } = applyConfiguration(
      undefined,
      config('v1', { old: 'x', other: 'y' }),
      by('a'),
      kindIn('v1'),
    );
    return { object, managedFields };
  };

  test('knows an owner by the version it spoke', () => {
    const { object, managedFields } = created();
    const { old, ...rest } = object;
    const live = { ...rest, new: old, metadata: { uid: 'u', managedFields } };
    expect(() =>
      applyConfiguration(live, config('v2', { new: 'z' }), by('b'), kindIn('v2')),
    ).toThrow('Apply failed with 1 conflict: conflict with "a": .old');
  });

  test('removes what its applier said in another version and no longer says', () => {
    const { object, managedFields } = created();
    const { old, ...rest } = object;
    const live = { ...rest, new: old, metadata: { uid: 'u', managedFields } };
    const next = applyConfiguration(live, config('v2', { other: 'y' }), by('a'), kindIn('v2'));
    expect(next.object.new).toBeUndefined();
    expect(next.object.other).toBe('y');
    expect(next.managedFields?.map(({ apiVersion }) => apiVersion)).toEqual(['test.io/v2']);
  });
});

describe('managerName()', () => {
  test.each([
    { field: 'me', agent: 'kubectl/v1', want: 'me' },
    { field: null, agent: 'kubectl/v1.33.1 (linux/amd64) kubernetes/8adc0f0', want: 'kubectl' },
    { field: '', agent: 'curl', want: 'curl' },
    { field: null, agent: undefined, want: '' },
    { field: null, agent: '/v1', want: '' },
    { field: null, agent: 'a\tb\u2028c d/1', want: 'abc d' },
    { field: null, agent: `${'é'.repeat(70)}/1`, want: 'é'.repeat(64) },
  ])('$field, $agent → $want', ({ field, agent, want }) => {
    expect(managerName(field, agent)).toBe(want);
  });

  test('badCharacterOf() names the character and its byte', () => {
    expect(badCharacterOf('é\u0007')).toEqual({ name: 'U+0007', position: 2 });
    expect(badCharacterOf('fine name-1_ü')).toBeUndefined();
  });
});
