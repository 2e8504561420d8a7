// Cases of kubectl that write objects of any kind: create, apply, diff, edit, patch, replace, delete, label, annotate, kustomize.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Case, configMap, deployment, named, pod } from './scene.ts';

export const WRITING: readonly Case[] = [
  {
    name: 'create makes every kind that it has a generator for',
    always: true,
    async run({ expect, kubectl, read, namespace }) {
      const lines = [
        'create configmap cm --from-literal=a=1',
        'create secret generic s --from-literal=word=xyz',
        'create serviceaccount sa',
        'create deployment web --image=nginx:1 --replicas=3 --port=80',
        'create service clusterip web --tcp=80:8080',
        'create job once --image=busybox -- true',
        "create cronjob often --image=busybox --schedule='*/5 * * * *' -- true",
        'create job now --from=cronjob/often',
        "create ingress in --rule='example.com/*=web:80'",
        'create role r --verb=get,list --resource=pods,deployments.apps',
        'create rolebinding rb --role=r --serviceaccount=default:sa',
        'create quota q --hard=pods=20,cpu=4',
        'create poddisruptionbudget pdb --selector=app=web --min-available=1',
      ];
      for (const line of lines) expect(await kubectl(line)).toMatch(/ created\n$/);
      expect(await kubectl(`create clusterrole ${namespace} --verb=get --resource=nodes`)).toMatch(
        /created/,
      );
      expect(
        await kubectl(
          `create clusterrolebinding ${namespace} --clusterrole=${namespace} --user=ann`,
        ),
      ).toMatch(/created/);
      expect(await kubectl(`create priorityclass ${namespace} --value=5`)).toMatch(/created/);
      expect(await kubectl(`create namespace ${namespace}-2`)).toMatch(/created/);
      const [job, web, ingress] = await Promise.all(
        ['jobs.batch/now', 'deployments.apps/web', 'ingresses.networking.k8s.io/in'].map(read),
      );
      expect(job.metadata.ownerReferences[0]).toMatchObject({ kind: 'CronJob', name: 'often' });
      expect(web).toMatchObject({
        spec: {
          replicas: 3,
          template: { spec: { containers: [{ ports: [{ containerPort: 80 }] }] } },
        },
      });
      expect(ingress.spec.rules[0].host).toBe('example.com');
    },
  },
  {
    name: 'create token, dry runs, and what is wrong with a file in upstream’s words',
    async run({ expect, kubectl, tryKubectl, file, write, namespace }) {
      await write('POST', 'serviceaccounts', named('v1', 'ServiceAccount', 'robot'));
      const token = (await kubectl('create token robot --duration=1h')).trim();
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
      expect(claims.sub).toBe(`system:serviceaccount:${namespace}:robot`);
      expect(await kubectl('create cm dry --dry-run=server')).toBe(
        'configmap/dry created (server dry run)\n',
      );
      expect(await kubectl('create cm dry --dry-run=client -o yaml')).toContain('kind: ConfigMap');
      expect((await tryKubectl('get cm dry')).code).toBe(1);
      const path = await file(
        'bad.json',
        configMap('bad', {}, { labels: { a: 'b' }, colour: 'red' }),
      );
      expect((await tryKubectl(`create -f ${path}`)).stderr).toContain(
        'unknown field "metadata.colour"',
      );
      const warned = await tryKubectl(`create -f ${path} --validate=warn`);
      expect(warned).toMatchObject({ code: 0 });
      expect(warned.stderr).toContain('Warning: unknown field "metadata.colour"');
      expect((await tryKubectl(`create -f ${path} --validate=false`)).stderr).toContain(
        'configmaps "bad" already exists',
      );
      const name = await file('name.json', pod('No_Good'));
      expect((await tryKubectl(`create -f ${name}`)).stderr).toContain(
        'The Pod "No_Good" is invalid: metadata.name: Invalid value: "No_Good": a lowercase RFC 1123 subdomain',
      );
    },
  },
  {
    name: 'apply makes, changes, leaves alone, prunes fields that a file no longer has, and keeps others’',
    always: true,
    async run({ expect, kubectl, read, write, file }) {
      const path = await file('web.json', deployment('web', 'nginx:1'));
      expect(await kubectl(`apply -f ${path}`)).toBe('deployment.apps/web created\n');
      expect(await kubectl(`apply -f ${path}`)).toBe('deployment.apps/web unchanged\n');
      await write('PATCH', 'deployments.apps/web', { metadata: { labels: { other: 'x' } } });
      const before = await read('deployments.apps/web');
      const next = deployment('web', 'nginx:2') as { spec: { replicas?: number } };
      delete next.spec.replicas;
      await file('web.json', next);
      expect(await kubectl(`apply -f ${path}`)).toBe('deployment.apps/web configured\n');
      const { spec, metadata } = await read('deployments.apps/web');
      expect(spec).toMatchObject({
        replicas: 1,
        template: { spec: { containers: [{ image: 'nginx:2' }] } },
      });
      expect(metadata.labels).toEqual({ other: 'x' });
      expect(metadata.generation).toBe(before.metadata.generation + 1);
      expect(await kubectl(`apply view-last-applied -f ${path}`)).toContain('image: nginx:2');
    },
  },
  {
    name: 'apply -f - of a whole list, --prune of what the list no longer has, and set-last-applied',
    async run({ expect, kubectl, tryKubectl, file, write }) {
      const list = (...names: string[]) => ({
        apiVersion: 'v1',
        kind: 'List',
        items: names.map((name) => configMap(name, { of: name }, { labels: { set: 'one' } })),
      });
      const input = JSON.stringify(list('a', 'b'));
      expect(await kubectl('apply -f -', { input })).toBe(
        'configmap/a created\nconfigmap/b created\n',
      );
      const prune = 'apply -f - --prune -l set=one --prune-allowlist=core/v1/ConfigMap';
      const said = await kubectl(prune, { input: JSON.stringify(list('a')) });
      expect(said).toBe('configmap/a unchanged\nconfigmap/b pruned\n');
      expect((await tryKubectl('get cm b')).code).toBe(1);
      await write('POST', 'configmaps', configMap('c', { a: '1' }));
      const path = await file('c.json', configMap('c', { a: '1' }));
      await kubectl(`apply set-last-applied -f ${path} --create-annotation`);
      expect(await kubectl('apply view-last-applied cm c -o json')).toContain('"a": "1"');
    },
  },
  {
    name: 'diff shows what apply would do, and says so by its exit code',
    always: true,
    async run({ expect, kubectl, tryKubectl, file }) {
      const path = await file('cm.json', configMap('cm', { colour: 'red' }));
      await kubectl(`apply -f ${path}`);
      expect(await tryKubectl(`diff -f ${path}`)).toMatchObject({ code: 0, stdout: '' });
      await file('cm.json', configMap('cm', { colour: 'blue' }));
      for (const flags of ['', '--server-side --force-conflicts']) {
        const { code, stdout } = await tryKubectl(`diff -f ${path} ${flags}`);
        expect(code).toBe(1);
        expect(stdout).toMatch(/\n- +colour: red\n/);
        expect(stdout).toMatch(/\n\+ +colour: blue\n/);
      }
      expect(await kubectl('get cm cm -o jsonpath={.data.colour}')).toBe('red');
    },
  },
  {
    name: 'edit writes what the editor made; nothing when nothing changed; and asks again when it is refused',
    async run({ expect, kubectl, tryKubectl, write, read, file }) {
      await write('POST', 'configmaps', configMap('cm', { colour: 'red' }));
      const editor = (name: string, script: string) => file(name, `#!/bin/sh\n${script}\n`);
      const edit = async (script: string) => {
        const path = await editor('edit.sh', script);
        return tryKubectl('edit cm cm', { env: { KUBE_EDITOR: `sh ${path}` } });
      };
      expect((await edit("sed -i 's/red/blue/' $1")).stdout).toBe('configmap/cm edited\n');
      expect((await read('configmaps/cm')).data).toEqual({ colour: 'blue' });
      const { stdout, stderr } = await edit('true');
      expect(stdout + stderr).toBe('Edit cancelled, no changes made.\n');
      const label = await editor(
        'label.sh',
        "sed -i 's/^metadata:/metadata:\\n  labels: {tier: x}/' $1",
      );
      await kubectl('edit cm cm --save-config', { env: { KUBE_EDITOR: `sh ${label}` } });
      expect((await read('configmaps/cm')).metadata.labels).toEqual({ tier: 'x' });
      const refused = await edit("grep -q kept $1 || sed -i 's/name: cm/name: other # kept/' $1");
      expect(refused.code).not.toBe(0);
    },
  },
  {
    name: 'patch in all three types, of a subresource, and of nothing',
    always: true,
    async run({ expect, kubectl, tryKubectl, write, read }) {
      await write('POST', 'deployments.apps', deployment('web'));
      const sidecar = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"b"}]}}}}';
      expect(await kubectl(`patch deploy web -p '${sidecar}'`)).toBe(
        'deployment.apps/web patched\n',
      );
      const containers = async () =>
        (await read('deployments.apps/web')).spec.template.spec.containers;
      expect((await containers()).map(({ name }: { name: string }) => name).sort()).toEqual([
        'main',
        'side',
      ]);
      await kubectl(`patch deploy web --type=merge -p '{"spec":{"replicas":7}}'`);
      await kubectl(
        `patch deploy web --type=json -p '[{"op":"replace","path":"/spec/paused","value":true}]'`,
      ).catch(() =>
        kubectl(
          `patch deploy web --type=json -p '[{"op":"add","path":"/spec/paused","value":true}]'`,
        ),
      );
      const drop =
        '{"spec":{"template":{"spec":{"containers":[{"name":"side","$patch":"delete"}]}}}}';
      await kubectl(`patch deploy web -p '${drop}'`);
      expect((await read('deployments.apps/web')).spec).toMatchObject({
        replicas: 7,
        paused: true,
      });
      expect(await containers()).toHaveLength(1);
      const again = await kubectl(`patch deploy web --type=merge -p '{"spec":{"replicas":7}}'`);
      expect(again).toBe('deployment.apps/web patched (no change)\n');
      await kubectl(
        `patch deploy web --subresource=status --type=merge -p '{"status":{"replicas":4,"observedGeneration":1}}'`,
      );
      expect((await read('deployments.apps/web')).status).toMatchObject({ replicas: 4 });
      const bad = await tryKubectl(
        `patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":1}]'`,
      );
      expect(bad.code).toBe(1);
    },
  },
  {
    name: 'replace puts the whole object; --force makes it anew; an old resourceVersion is a conflict',
    async run({ expect, kubectl, tryKubectl, write, read, file }) {
      const first = await write('POST', 'configmaps', configMap('cm', { a: '1' }));
      const path = await file('cm.json', configMap('cm', { b: '2' }));
      expect(await kubectl(`replace -f ${path}`)).toBe('configmap/cm replaced\n');
      expect((await read('configmaps/cm')).data).toEqual({ b: '2' });
      const stale = await file('stale.json', first);
      expect((await tryKubectl(`replace -f ${stale}`)).stderr).toContain(
        'Operation cannot be fulfilled on configmaps "cm": the object has been modified',
      );
      expect(await kubectl(`replace --force -f ${path}`)).toMatch(
        /"cm" (force )?deleted.*\nconfigmap\/cm replaced\n$/,
      );
      expect((await read('configmaps/cm')).metadata.uid).not.toBe(first.metadata.uid);
      const none = await file('none.json', configMap('none', {}));
      expect((await tryKubectl(`replace -f ${none}`)).stderr).toContain(
        'configmaps "none" not found',
      );
    },
  },
  {
    name: 'delete by name, label, file and all, with a grace period, with and without what depends on it',
    always: true,
    async run({ expect, kubectl, tryKubectl, write, read }) {
      for (const name of ['a', 'b', 'c', 'd']) {
        await write(
          'POST',
          'configmaps',
          configMap(name, {}, { labels: { half: name < 'c' ? '1' : '2' } }),
        );
      }
      expect(await kubectl('delete cm a')).toMatch(/^configmap "a" deleted/);
      expect((await tryKubectl('delete cm a')).stderr).toContain('configmaps "a" not found');
      expect(await kubectl('delete cm a --ignore-not-found')).toBe('');
      expect(await kubectl('delete cm -l half=1')).toMatch(/^configmap "b" deleted/);
      expect(await kubectl('delete cm c --dry-run=server')).toContain('deleted');
      expect(await kubectl('delete cm --all')).toMatch(/"c" deleted.*\nconfigmap "d" deleted/);
      await write('POST', 'pods', pod('p', { nodeName: 'n1' }));
      expect(await kubectl('delete pod p --wait=false')).toContain('"p" deleted');
      expect((await read('pods/p')).metadata.deletionGracePeriodSeconds).toBe(30);
      expect(await kubectl('delete pod p --grace-period=0 --force')).toContain('"p" force deleted');
      await write('POST', 'deployments.apps', deployment('web'));
      await kubectl('delete deploy web --cascade=foreground --wait=false');
      expect((await read('deployments.apps/web')).metadata.finalizers).toEqual([
        'foregroundDeletion',
      ]);
      await write('POST', 'deployments.apps', deployment('web2'));
      await kubectl('delete deploy web2 --cascade=orphan --wait=false');
      expect((await read('deployments.apps/web2')).metadata.finalizers).toEqual(['orphan']);
      await write('PATCH', 'deployments.apps/web', { metadata: { finalizers: null } });
      await write('PATCH', 'deployments.apps/web2', { metadata: { finalizers: null } });
      expect(await kubectl('get deploy -o name')).toBe('');
    },
  },
  {
    name: 'label and annotate add, change only when told, and take away',
    async run({ expect, kubectl, tryKubectl, write, read }) {
      await write('POST', 'configmaps', configMap('cm', {}));
      expect(await kubectl('label cm cm tier=front')).toBe('configmap/cm labeled\n');
      expect((await tryKubectl('label cm cm tier=back')).stderr).toContain('--overwrite is false');
      await kubectl('label cm cm tier=back --overwrite');
      await kubectl("annotate cm cm note='two words' gone=soon");
      expect(await kubectl('annotate cm cm gone-')).toBe('configmap/cm annotated\n');
      expect(await kubectl('label cm cm --list')).toBe('tier=back\n');
      expect(await kubectl('label cm cm tier-')).toBe('configmap/cm unlabeled\n');
      const { metadata } = await read('configmaps/cm');
      expect(metadata).toMatchObject({ annotations: { note: 'two words' } });
      expect(metadata.labels).toBeUndefined();
      expect((await tryKubectl("label cm cm 'a=not good'")).code).toBe(1);
    },
  },
  {
    name: 'apply -k builds a kustomization: a base, a prefix, a patch and a generator',
    async run({ expect, kubectl, read, file, namespace }) {
      const base = await file('kustomize', '').then((path) => `${path}.d`);
      await mkdir(base);
      const write = (name: string, content: object) =>
        writeFile(join(base, name), JSON.stringify(content));
      await write('web.json', deployment('web'));
      await write('kustomization.yaml', {
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        namePrefix: 'pre-',
        resources: ['web.json'],
        images: [{ name: 'nginx', newTag: '9' }],
        configMapGenerator: [
          { name: 'made', literals: ['a=1'], options: { disableNameSuffixHash: true } },
        ],
        replicas: [{ name: 'web', count: 4 }],
      });
      expect(await kubectl(`kustomize ${base}`)).toContain('name: pre-web');
      expect(await kubectl(`apply -k ${base}`)).toBe(
        'configmap/pre-made created\ndeployment.apps/pre-web created\n',
      );
      const { spec } = await read('deployments.apps/pre-web');
      expect(spec).toMatchObject({
        replicas: 4,
        template: { spec: { containers: [{ image: 'nginx:9' }] } },
      });
      expect(await kubectl(`delete -k ${base}`)).toContain('pre-made');
      expect(namespace).toMatch(/\S/);
    },
  },
];
