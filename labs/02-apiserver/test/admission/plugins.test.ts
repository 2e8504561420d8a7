// Which admission plugins run, in which order, and what flags may say of them.
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AdmissionChain, type AdmissionRequest } from '#src/admission/admission.ts';
import { enabledPlugins, PLUGIN_ORDER } from '#src/admission/plugins.ts';
import { admissionFlags } from '#src/flags/admission.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';

describe('enabledPlugins()', () => {
  test('runs the default ones in upstream’s order', () => {
    const names = enabledPlugins({});
    expect(names).toEqual(expect.arrayContaining(['NamespaceLifecycle', 'ServiceAccount']));
    const places = names.map((name) => PLUGIN_ORDER.indexOf(name));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test('runs what upstream runs by default, but for what needs controllers beside the server', () => {
    expect(enabledPlugins({})).toEqual([
      'NamespaceLifecycle',
      'LimitRanger',
      'ServiceAccount',
      'PodSecurity',
      'Priority',
      'DefaultTolerationSeconds',
      'DefaultStorageClass',
      'PersistentVolumeClaimResize',
      'RuntimeClass',
      'CertificateApproval',
      'CertificateSigning',
      'CertificateSubjectRestriction',
      'DefaultIngressClass',
      'MutatingAdmissionWebhook',
      'ValidatingAdmissionWebhook',
      'ResourceQuota',
    ]);
  });

  test('leaves out what is disabled, and says nothing of what is not there anyway', () => {
    const names = enabledPlugins({ disable: ['ServiceAccount', 'AlwaysPullImages'] });
    expect(names).not.toContain('ServiceAccount');
    expect(names).toContain('NamespaceLifecycle');
  });

  test.each([
    [{ enable: ['Foo'] }, 'enable-admission-plugins plugin "Foo" is unknown'],
    [{ disable: ['Foo'] }, 'disable-admission-plugins plugin "Foo" is unknown'],
    [
      { enable: ['ServiceAccount'], disable: ['ServiceAccount'] },
      '[ServiceAccount] in enable-admission-plugins and disable-admission-plugins overlapped',
    ],
    [{ enable: ['ImagePolicyWebhook'] }, 'Cannot enable the admission plugin ImagePolicyWebhook'],
  ])('%o is refused', (options, message) => {
    expect(() => enabledPlugins(options)).toThrow(message);
  });
});

test('AdmissionChain.mutate() waits for each plugin before the next one sees the object', async () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', labels: {} } };
  const chain = new AdmissionChain([
    {
      name: 'slow',
      async mutate() {
        await new Promise((resolve) => setImmediate(resolve));
        object.metadata.labels = { by: 'slow' };
      },
    },
    {
      name: 'next',
      mutate() {
        object.metadata.labels = { ...object.metadata.labels, saw: 'it' };
      },
    },
  ]);
  await chain.mutate({} as AdmissionRequest);
  expect(object.metadata.labels).toEqual({ by: 'slow', saw: 'it' });
  expect(chain.names).toEqual(['slow', 'next']);
});

describe('flags', () => {
  const read = (...args: string[]) => {
    const command = new Command().exitOverride();
    admissionFlags.add(command);
    command.parse(args, { from: 'user' });
    return admissionFlags.options(command.opts());
  };

  test('say which plugins run, and what is done for service accounts', async () => {
    const flags = ['--enable-admission-plugins=NodeRestriction', '--require-service-accounts'];
    expect(await read(...flags, '--mount-service-account-tokens=false')).toMatchObject({
      admission: {
        enable: ['NodeRestriction'],
        serviceAccounts: { required: true, mountTokens: false },
      },
    });
  });

  test('with wrong names are an error', () => {
    expect(() => read('--enable-admission-plugins=Foo')).toThrow('plugin "Foo" is unknown');
  });
});

describe('on a server', () => {
  let server: TestApiServer;
  beforeAll(async () => {
    server = await startTestApiServer({
      admission: { disable: ['NamespaceLifecycle'], defaultNotReadyTolerationSeconds: 7 },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('a plugin that is disabled has no say, and one that is told something does it', async () => {
    const path = '/api/v1/namespaces/nowhere/pods';
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'main', image: 'main' }] },
    };
    const made = await wire(server, path, { method: 'POST', body: pod });
    expect(made.status, made.text).toBe(201);
    const seconds = made.json.spec.tolerations.map(
      ({ tolerationSeconds }: { tolerationSeconds: number }) => tolerationSeconds,
    );
    expect(seconds).toEqual([7, 300]);
  });
});
