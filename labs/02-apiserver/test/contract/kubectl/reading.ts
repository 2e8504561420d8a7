// Cases of kubectl that read: get in every output, describe, events, explain, discovery, wait, and what the client says of itself.
import { type Case, configMap, deployment, named, pod } from './scene.ts';

export const READING: readonly Case[] = [
  {
    name: 'get prints a table with columns of the kind; -o wide has more, -A the namespace, -L and --show-labels labels',
    always: true,
    async run({ expect, kubectl, write, namespace }) {
      await write('POST', 'pods', pod('one'));
      await write('POST', 'pods', pod('two', { nodeName: 'n1' }));
      const lines = (await kubectl('get pods')).split('\n');
      expect(lines[0]).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE$/);
      expect(lines[1]).toMatch(/^one +0\/1 +Pending +0 +\d+[ms]\S*$/);
      const wide = await kubectl('get pods -o wide');
      expect(wide).toMatch(/AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/);
      expect(wide).toMatch(/\ntwo .* <none> +n1 +<none> +<none>\n/);
      const all = await kubectl('get po -A --show-labels -L app');
      expect(all).toMatch(/^NAMESPACE +NAME .* AGE +APP +LABELS\n/);
      expect(all).toMatch(new RegExp(`\n${namespace} +one .* one +app=one\n`));
    },
  },
  {
    name: 'get prints json, yaml, names, jsonpath, go templates and custom columns',
    async run({ expect, kubectl, write }) {
      await write('POST', 'configmaps', configMap('one', { a: '1' }));
      const text = await kubectl('get cm one -o json');
      expect(JSON.parse(text)).toMatchObject({ kind: 'ConfigMap', data: { a: '1' } });
      expect(text).not.toContain('managedFields');
      expect(await kubectl('get cm one -o json --show-managed-fields')).toContain('managedFields');
      expect(await kubectl('get cm one -o yaml')).toMatch(/^apiVersion: v1\ndata:\n {2}a: "1"\n/);
      expect(await kubectl('get cm/one -o name')).toBe('configmap/one\n');
      expect(await kubectl('get cm one -o jsonpath={.data.a}')).toBe('1');
      expect(await kubectl("get cm one -o 'go-template={{.data.a}}'")).toBe('1');
      const columns = await kubectl('get cm one -o custom-columns=N:.metadata.name,A:.data.a');
      expect(columns).toMatch(/^N +A\none +1\n$/);
      expect(JSON.parse(await kubectl('get cm -o json'))).toMatchObject({ kind: 'List' });
    },
  },
  {
    name: 'get selects by labels and fields, sorts, and pages through long lists',
    async run({ expect, kubectl, write }) {
      for (const [index, tier] of ['front', 'back', 'front', 'back', 'front'].entries()) {
        await write('POST', 'pods', pod(`p${index}`, { nodeName: `n${index % 2}` }, { tier }));
      }
      const names = async (line: string) =>
        (await kubectl(`get pods -o name ${line}`)).trim().split('\n').join(' ');
      expect(await names('-l tier=front')).toBe('pod/p0 pod/p2 pod/p4');
      expect(await names("-l 'tier notin (front),tier'")).toBe('pod/p1 pod/p3');
      expect(await names('--field-selector spec.nodeName=n1')).toBe('pod/p1 pod/p3');
      expect(
        await names('--field-selector metadata.name!=p0,status.phase=Pending -l tier=front'),
      ).toBe('pod/p2 pod/p4');
      expect(await names('--chunk-size=2')).toBe('pod/p0 pod/p1 pod/p2 pod/p3 pod/p4');
      expect(await names('--sort-by=.metadata.labels.tier')).toMatch(/^pod\/p[13] pod\/p[13] pod/);
    },
  },
  {
    name: 'get says what is not there, not known, or not selectable',
    async run({ expect, kubectl, tryKubectl }) {
      expect((await tryKubectl('get pod none')).stderr).toBe(
        'Error from server (NotFound): pods "none" not found\n',
      );
      expect(await kubectl('get pod none --ignore-not-found')).toBe('');
      expect((await tryKubectl('get widgets')).stderr).toContain(
        `the server doesn't have a resource type "widgets"`,
      );
      const bad = await tryKubectl('get pods --field-selector spec.colour=red');
      expect(bad.stderr).toContain('field label not supported: spec.colour');
      expect((await tryKubectl('get pods')).stderr).toMatch(
        /^No resources found in .* namespace\.\n$/,
      );
    },
  },
  {
    name: 'get reads several kinds, categories, files and --raw; --subresource',
    async run({ expect, kubectl, write, file }) {
      await write('POST', 'deployments.apps', deployment('web'));
      await write(
        'POST',
        'services',
        named('v1', 'Service', 'web', { spec: { ports: [{ port: 80 }] } }),
      );
      expect(await kubectl('get deploy,svc -o name')).toBe('deployment.apps/web\nservice/web\n');
      const all = await kubectl('get all');
      expect(all).toMatch(
        /NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nservice\/web +ClusterIP/,
      );
      expect(all).toMatch(/deployment\.apps\/web +0\/2 +0 +0 +\d+[ms]\S*/);
      const path = await file('web.json', deployment('web'));
      expect(await kubectl(`get -f ${path} -o name`)).toBe('deployment.apps/web\n');
      expect(await kubectl('get --raw /readyz')).toBe('ok');
      const scale = await kubectl(
        'get deploy web --subresource=scale -o jsonpath={.spec.replicas}',
      );
      expect(scale).toBe('2');
    },
  },
  {
    name: 'get -w shows what there is and what changes; --output-watch-events says how',
    async run({ expect, lines, write }) {
      await write('POST', 'configmaps', configMap('first', {}));
      const seen: string[] = [];
      for await (const line of lines(
        'get cm -w --output-watch-events --field-selector metadata.name=first',
      )) {
        const [event = '', name] = line.split(/ +/);
        if (name === 'first') seen.push(event);
        if (event === 'ADDED') await write('PATCH', 'configmaps/first', { data: { n: '1' } });
        if (event === 'MODIFIED') await write('DELETE', 'configmaps/first');
        if (event === 'DELETED') break;
      }
      expect(seen).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    },
  },
  {
    name: 'describe shows the object with what belongs to it: events, replica sets, pods of a node',
    async run({ expect, kubectl, write, namespace }) {
      const { metadata } = await write('POST', 'pods', pod('p', { nodeName: `n-${namespace}` }));
      const involvedObject = {
        kind: 'Pod',
        name: 'p',
        namespace,
        uid: metadata.uid,
        apiVersion: 'v1',
      };
      const event = { involvedObject, reason: 'Pulled', message: 'it is here', type: 'Normal' };
      await write('POST', 'events', { ...named('v1', 'Event', 'p.1'), ...event });
      const text = await kubectl('describe pod p');
      expect(text).toMatch(/Name: +p\nNamespace: .*\n/);
      expect(text).toMatch(/Requests:\n +cpu: +50m\n/);
      expect(text).toMatch(/Events:\n.*\n.*\n +Normal +Pulled +<unknown> +it is here\n/);
      await write('POST', '/api/v1/nodes', named('v1', 'Node', `n-${namespace}`));
      const node = await kubectl(`describe node n-${namespace}`);
      expect(node).toMatch(/Non-terminated Pods: +\(1 in total\)/);
      expect(node).toMatch(/\n +cpu +50m \(/);
      await write('POST', 'deployments.apps', deployment('web'));
      expect(await kubectl('describe deploy web')).toMatch(/StrategyType: +RollingUpdate\n/);
    },
  },
  {
    name: 'describe knows secrets, service accounts, services, config maps, quotas, and namespaces',
    async run({ expect, kubectl, write, namespace }) {
      await write('POST', 'secrets', named('v1', 'Secret', 's', { stringData: { word: 'xyz' } }));
      await write(
        'POST',
        'services',
        named('v1', 'Service', 'svc', { spec: { ports: [{ port: 80 }] } }),
      );
      await write(
        'POST',
        'resourcequotas',
        named('v1', 'ResourceQuota', 'q', { spec: { hard: { pods: '3' } } }),
      );
      const secret = await kubectl('describe secret s');
      expect(secret).toMatch(/Type: +Opaque\n/);
      expect(secret).toMatch(/word: +3 bytes/);
      expect(await kubectl('describe svc svc')).toMatch(/IP: +10\.\d+\.\d+\.\d+\n/);
      expect(await kubectl(`describe ns ${namespace}`)).toMatch(/Status: +Active\n/);
      expect(await kubectl('describe quota q')).toMatch(/Name: +q\n/);
    },
  },
  {
    name: 'events lists them, also those of one object',
    async run({ expect, kubectl, write, namespace }) {
      const event = (name: string, pod: string, type: string) => ({
        ...named('v1', 'Event', name),
        involvedObject: { kind: 'Pod', name: pod, namespace, apiVersion: 'v1' },
        reason: 'Seen',
        message: `of ${pod}`,
        type,
        lastTimestamp: '2026-01-01T00:00:00Z',
      });
      await write('POST', 'events', event('a.1', 'a', 'Normal'));
      await write('POST', 'events', event('b.1', 'b', 'Warning'));
      expect(await kubectl('events')).toMatch(/Normal +Seen +Pod\/a +of a\n/);
      expect(await kubectl('events --for pod/b --no-headers')).toMatch(
        /^\S+ +Warning +Seen +Pod\/b +of b\n$/,
      );
      expect(await kubectl('events --types=Warning')).not.toContain('of a');
    },
  },
  {
    name: 'explain knows every field, with its type and description, recursively and through OpenAPI v2',
    always: true,
    async run({ expect, kubectl, tryKubectl }) {
      const text = await kubectl('explain deployment.spec.strategy.rollingUpdate');
      expect(text).toMatch(/GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n/);
      expect(text).toMatch(/FIELD: rollingUpdate <RollingUpdateDeployment>/);
      expect(text).toMatch(/maxSurge\t<IntOrString>\n +\S/);
      expect(await kubectl('explain pod --recursive')).toMatch(
        /ephemeralContainers\t<\[\]EphemeralContainer>/,
      );
      expect((await tryKubectl('explain pod.spec.nope')).stderr).toContain(
        'field "nope" does not exist',
      );
      const v2 = await kubectl('explain cm.data --output=plaintext-openapiv2');
      expect(v2).toMatch(/KIND: +ConfigMap\n/);
    },
  },
  {
    name: 'api-resources, api-versions, cluster-info and version show what is served',
    always: true,
    async run({ expect, kubectl }) {
      const resources = await kubectl('api-resources -o wide');
      expect(resources).toMatch(
        /\ndeployments +deploy +apps\/v1 +true +Deployment +\S*create,delete,deletecollection,get,list,patch,update,watch +all\n/,
      );
      expect(resources).toMatch(/\nnodes +no +v1 +false +Node /);
      expect((await kubectl('api-resources --namespaced=false -o name')).split('\n')).toContain(
        'customresourcedefinitions.apiextensions.k8s.io',
      );
      const versions = (await kubectl('api-versions')).split('\n');
      expect(versions).toEqual(
        expect.arrayContaining(['v1', 'apps/v1', 'batch/v1', 'autoscaling/v2', 'policy/v1']),
      );
      expect(await kubectl('cluster-info')).toMatch(
        /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1/,
      );
      expect(JSON.parse(await kubectl('version -o json')).serverVersion).toMatchObject({
        major: '1',
      });
    },
  },
  {
    name: 'wait ends when a condition, a field or a deletion has come, and gives up in time',
    always: true,
    async run({ expect, kubectl, tryKubectl, write }) {
      await write('POST', 'pods', pod('p'));
      const ready = kubectl('wait --for=condition=Ready pod/p --timeout=80s');
      const phase = kubectl('wait --for=jsonpath={.status.phase}=Running pod/p --timeout=80s');
      const conditions = [{ type: 'Ready', status: 'True' }];
      await write('PATCH', 'pods/p/status', { status: { phase: 'Running', conditions } });
      expect(await ready).toBe('pod/p condition met\n');
      expect(await phase).toBe('pod/p condition met\n');
      const gone = kubectl('wait --for=delete pod/p --timeout=80s');
      await write('DELETE', 'pods/p', { gracePeriodSeconds: 0 });
      expect(await gone).toMatch(/^$|condition met/);
      await write('POST', 'pods', pod('late'));
      // The pod must have been listed by then, or an old kubectl complains of that instead.
      const late = await tryKubectl('wait --for=condition=Ready pod/late --timeout=5s');
      expect(late.stderr).toContain('timed out waiting for the condition on pods/late');
    },
  },
  {
    name: 'cluster-info dump, top without metrics, config view, completion and options',
    async run({ expect, kubectl, tryKubectl, write, namespace }) {
      await write(
        'POST',
        'services',
        named('v1', 'Service', 'svc', { spec: { ports: [{ port: 80 }] } }),
      );
      expect(await kubectl(`cluster-info dump --namespaces ${namespace}`)).toContain(
        '"kind": "ServiceList"',
      );
      expect((await tryKubectl('top nodes')).stderr).toContain('Metrics API not available');
      expect(await kubectl('config current-context')).toMatch(/\S/);
      expect(await kubectl('config view')).toContain('DATA+OMITTED');
      expect(await kubectl('options')).toContain('--kubeconfig');
    },
  },
];
