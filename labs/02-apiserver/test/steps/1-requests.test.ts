// Step 1, what a request means: a method and a path become a verb of the API and what it is about; a patch becomes a state.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { mergePatch } from '#src/patch/merge-patch.ts';
import { parseRequestInfo, type RequestInfo } from '#src/server/request-info.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const SYMBOL = 'src/server/request-info.ts';

/** What `GET /api/v1/pods?watch=true` means. */
function meaningOf(line: string): RequestInfo {
  const [method = '', url = ''] = line.split(' ');
  const [path = '', query = ''] = url.split('?');
  return parseRequestInfo({ method, path, query: new URLSearchParams(query) });
}

/** `list apps/v1 deployments in shop`; what is absent is not named. */
function told(info: RequestInfo): string {
  if (info.kind === 'path') return `${info.verb} the path ${info.path}`;
  const { verb, group, version, resource, namespace, name, subresource, rest, rawRest } = info;
  return [
    verb === '' ? '(no verb)' : verb,
    group === '' ? version : `${group}/${version}`,
    resource,
    ...(name === undefined ? [] : [`named ${name}`]),
    ...(namespace === undefined ? [] : [`in ${namespace}`]),
    ...(subresource === undefined ? [] : [`/ ${subresource}`]),
    ...(rest.length === 0 && rawRest === '' ? [] : [`then ${JSON.stringify(rest)} as ${rawRest}`]),
  ].join(' ');
}

/** Every request with what it means. */
function meanings(lines: readonly string[], event: (text: string) => void): string[] {
  return lines.map((line) => {
    event(`parseRequestInfo of ${line}`);
    return `${line}: ${told(meaningOf(line))}`;
  });
}

lesson(
  'A path that is not below /api/VERSION/ or /apis/GROUP/VERSION/ is a path, and its verb is the method',
  {
    invariant: 1,
    byHand: 'kubectl get --raw /version; kubectl get --raw /healthz',
    symbols: [`${SYMBOL}#parseRequestInfo`],
  },
  ({ event }) => {
    const lines = [
      'GET /healthz',
      'POST /',
      'GET /version',
      'GET /openapi/v3/apis/apps/v1',
      'GET /api',
      'GET /api/v1',
      'GET /apis',
      'GET /apis/apps',
      'GET /apis/apps/v1',
      'DELETE /apiary/v1/pods',
    ];
    expectLines(meanings(lines, event), [
      'GET /healthz: get the path /healthz',
      'POST /: post the path /',
      'GET /version: get the path /version',
      'GET /openapi/v3/apis/apps/v1: get the path /openapi/v3/apis/apps/v1',
      'GET /api: get the path /api',
      'GET /api/v1: get the path /api/v1',
      'GET /apis: get the path /apis',
      'GET /apis/apps: get the path /apis/apps',
      'GET /apis/apps/v1: get the path /apis/apps/v1',
      'DELETE /apiary/v1/pods: delete the path /apiary/v1/pods',
    ]);
    expect(parseRequestInfo({ path: '/healthz' }), 'without a method it is GET').toEqual({
      kind: 'path',
      verb: 'get',
      path: '/healthz',
    });
  },
);

lesson(
  'With a name the method says it all: get, create, update, patch, delete of one object in its group and version',
  {
    invariant: 2,
    byHand: 'kubectl get node n -v=6; kubectl delete node n -v=6   # the URL and the method',
    symbols: [`${SYMBOL}#targetOf`, `${SYMBOL}#verbOf`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/nodes/n',
      'HEAD /api/v1/nodes/n',
      'POST /api/v1/nodes/n',
      'PUT /api/v1/nodes/n',
      'PATCH /api/v1/nodes/n',
      'DELETE /api/v1/nodes/n',
      'GET /api/v1/nodes/n?watch=true',
      'OPTIONS /api/v1/nodes/n',
      'GET /apis/storage.k8s.io/v1/storageclasses/fast',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/nodes/n: get v1 nodes named n',
      'HEAD /api/v1/nodes/n: get v1 nodes named n',
      'POST /api/v1/nodes/n: create v1 nodes named n',
      'PUT /api/v1/nodes/n: update v1 nodes named n',
      'PATCH /api/v1/nodes/n: patch v1 nodes named n',
      'DELETE /api/v1/nodes/n: delete v1 nodes named n',
      'GET /api/v1/nodes/n?watch=true: get v1 nodes named n',
      'OPTIONS /api/v1/nodes/n: (no verb) v1 nodes named n',
      'GET /apis/storage.k8s.io/v1/storageclasses/fast: get storage.k8s.io/v1 storageclasses named fast',
    ]);
  },
);

lesson(
  'Without a name the same methods mean all objects: list, deletecollection, and watch if the query says so',
  {
    invariant: 2,
    byHand: 'kubectl get nodes -v=6; kubectl get nodes --watch-only -v=6',
    symbols: [`${SYMBOL}#verbOf`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/nodes',
      'HEAD /api/v1/nodes',
      'POST /api/v1/nodes',
      'DELETE /api/v1/nodes',
      'PATCH /api/v1/nodes',
      'TRACE /api/v1/nodes',
      'GET /api/v1/nodes?watch=true',
      'GET /api/v1/nodes?watch=1',
      'GET /api/v1/nodes?watch',
      'GET /api/v1/nodes?watch=yes',
      'GET /api/v1/nodes?watch=false',
      'GET /api/v1/nodes?watch=FALSE',
      'GET /api/v1/nodes?watch=0',
      'DELETE /api/v1/nodes?watch=true',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/nodes: list v1 nodes',
      'HEAD /api/v1/nodes: list v1 nodes',
      'POST /api/v1/nodes: create v1 nodes',
      'DELETE /api/v1/nodes: deletecollection v1 nodes',
      'PATCH /api/v1/nodes: patch v1 nodes',
      'TRACE /api/v1/nodes: (no verb) v1 nodes',
      'GET /api/v1/nodes?watch=true: watch v1 nodes',
      'GET /api/v1/nodes?watch=1: watch v1 nodes',
      'GET /api/v1/nodes?watch: watch v1 nodes',
      'GET /api/v1/nodes?watch=yes: watch v1 nodes',
      'GET /api/v1/nodes?watch=false: list v1 nodes',
      'GET /api/v1/nodes?watch=FALSE: list v1 nodes',
      'GET /api/v1/nodes?watch=0: list v1 nodes',
      'DELETE /api/v1/nodes?watch=true: deletecollection v1 nodes',
    ]);
    event('parseRequestInfo without a query');
    expect(told(parseRequestInfo({ method: 'GET', path: '/api/v1/nodes' }))).toBe('list v1 nodes');
  },
);

lesson(
  'A namespace is an object of its own, or where other objects are: what follows it tells which',
  {
    invariant: 3,
    byHand: 'kubectl get ns default -v=6; kubectl get pods -n default -v=6',
    symbols: [`${SYMBOL}#targetOf`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/namespaces',
      'GET /api/v1/namespaces/shop',
      'GET /api/v1/namespaces/shop/status',
      'PUT /api/v1/namespaces/shop/finalize',
      'GET /api/v1/namespaces/shop/pods',
      'POST /api/v1/namespaces/shop/pods',
      'GET /api/v1/namespaces/shop/pods/web',
      'DELETE /apis/apps/v1/namespaces/shop/deployments',
      'GET /api/v1/pods',
      'GET /api/v1/namespaces/status/pods',
      'GET /api/v1/namespaces/shop/status/x',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/namespaces: list v1 namespaces',
      'GET /api/v1/namespaces/shop: get v1 namespaces named shop',
      'GET /api/v1/namespaces/shop/status: get v1 namespaces named shop / status',
      'PUT /api/v1/namespaces/shop/finalize: update v1 namespaces named shop / finalize',
      'GET /api/v1/namespaces/shop/pods: list v1 pods in shop',
      'POST /api/v1/namespaces/shop/pods: create v1 pods in shop',
      'GET /api/v1/namespaces/shop/pods/web: get v1 pods named web in shop',
      'DELETE /apis/apps/v1/namespaces/shop/deployments: deletecollection apps/v1 deployments in shop',
      'GET /api/v1/pods: list v1 pods',
      'GET /api/v1/namespaces/status/pods: list v1 pods in status',
      'GET /api/v1/namespaces/shop/status/x: get v1 namespaces named shop / status then ["x"] as /x',
    ]);
  },
);

lesson(
  'Behind the name stands a subresource, and what follows that is kept as it was sent, for it is meant for somebody else',
  {
    invariant: 5,
    byHand: 'api /api/v1/namespaces/default/services/web:80/proxy/a%2Fb//c/',
    symbols: [`${SYMBOL}#targetOf`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/namespaces/shop/pods/web/log',
      'POST /api/v1/namespaces/shop/pods/web/exec',
      'PATCH /apis/apps/v1/namespaces/shop/deployments/web/scale',
      'GET /api/v1/nodes/n/proxy/metrics',
      'GET /api/v1/nodes/n/proxy',
      'GET /api/v1/nodes/n/proxy/',
      'GET /api/v1/namespaces/shop/services/https:web:443/proxy/a%2Fb//c/',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/namespaces/shop/pods/web/log: get v1 pods named web in shop / log',
      'POST /api/v1/namespaces/shop/pods/web/exec: create v1 pods named web in shop / exec',
      'PATCH /apis/apps/v1/namespaces/shop/deployments/web/scale: patch apps/v1 deployments named web in shop / scale',
      'GET /api/v1/nodes/n/proxy/metrics: get v1 nodes named n / proxy then ["metrics"] as /metrics',
      'GET /api/v1/nodes/n/proxy: get v1 nodes named n / proxy',
      'GET /api/v1/nodes/n/proxy/: get v1 nodes named n / proxy then [] as /',
      'GET /api/v1/namespaces/shop/services/https:web:443/proxy/a%2Fb//c/: get v1 services named https:web:443 in shop / proxy then ["a/b","","c",""] as /a%2Fb//c/',
    ]);
  },
);

lesson(
  'One slash at the end changes nothing; a part that is missing in the middle makes it no resource at all',
  {
    invariant: 1,
    byHand: 'api /api/v1/namespaces//pods   # not found, and not "the pods of all namespaces"',
    symbols: [`${SYMBOL}#targetOf`, `${SYMBOL}#parseRequestInfo`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/nodes/',
      'GET /api/v1/nodes/n/',
      'GET /api/v1/namespaces/shop/',
      'GET /api/v1/namespaces/shop/pods/',
      'GET /api/v1/',
      'GET /api/v1//',
      'GET /api/v1//nodes',
      'DELETE /api/v1/nodes//',
      'GET /api/v1/nodes//status',
      'GET /api/v1/namespaces//pods',
      'DELETE /api/v1/namespaces/shop//pods',
      'GET /apis/apps/v1/namespaces/shop/deployments//scale',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/nodes/: list v1 nodes',
      'GET /api/v1/nodes/n/: get v1 nodes named n',
      'GET /api/v1/namespaces/shop/: get v1 namespaces named shop',
      'GET /api/v1/namespaces/shop/pods/: list v1 pods in shop',
      'GET /api/v1/: get the path /api/v1/',
      'GET /api/v1//: get the path /api/v1//',
      'GET /api/v1//nodes: get the path /api/v1//nodes',
      'DELETE /api/v1/nodes//: delete the path /api/v1/nodes//',
      'GET /api/v1/nodes//status: get the path /api/v1/nodes//status',
      'GET /api/v1/namespaces//pods: get the path /api/v1/namespaces//pods',
      'DELETE /api/v1/namespaces/shop//pods: delete the path /api/v1/namespaces/shop//pods',
      'GET /apis/apps/v1/namespaces/shop/deployments//scale: get the path /apis/apps/v1/namespaces/shop/deployments//scale',
    ]);
  },
);

lesson(
  'An escape is undone after the path is cut at its slashes, once; one that means nothing is a bad request',
  {
    invariant: 4,
    byHand:
      'api /api/v1/nodes/a%2Fb; api /api/v1/nodes/%zz   # one name with a slash; a bad request',
    symbols: [`${SYMBOL}#decodePart`, `${SYMBOL}#targetOf`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/nodes/a%2Fb',
      'GET /api/v1/nodes/a%252Fb',
      'GET /api/v1/nodes/a+b',
      'GET /api/v1/namespaces/a%2Fpods/pods',
      'GET /api/v1/namespaces/shop/%73tatus',
      'GET /apis/example%2Ecom/v%31/caf%C3%A9s',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/nodes/a%2Fb: get v1 nodes named a/b',
      'GET /api/v1/nodes/a%252Fb: get v1 nodes named a%2Fb',
      'GET /api/v1/nodes/a+b: get v1 nodes named a+b',
      'GET /api/v1/namespaces/a%2Fpods/pods: list v1 pods in a/pods',
      'GET /api/v1/namespaces/shop/%73tatus: get v1 namespaces named shop / status',
      'GET /apis/example%2Ecom/v%31/caf%C3%A9s: list example.com/v1 cafés',
    ]);
    const senseless = ['/api/v1/nodes/%zz', '/api/v1/namespaces/%/pods', '/apis/%ff/v1/things'];
    const answers = senseless.map((path) => {
      event(`parseRequestInfo of GET ${path}`);
      try {
        return told(parseRequestInfo({ method: 'GET', path }));
      } catch (error) {
        if (!ApiError.is(error)) throw error;
        return `${error.code} ${error.reason}: ${error.message}`;
      }
    });
    expectLines(answers, [
      '400 BadRequest: invalid URL escape in path segment "%zz"',
      '400 BadRequest: invalid URL escape in path segment "%"',
      '400 BadRequest: invalid URL escape in path segment "%ff"',
    ]);
  },
);

lesson(
  'The old way to watch, /watch/ before the resource, is a watch whether of all or of one, and nothing but a watch',
  {
    invariant: 2,
    byHand: 'kubectl get --raw "/api/v1/watch/namespaces/default/configmaps?timeoutSeconds=1"',
    symbols: [`${SYMBOL}#oldWatchVerb`, `${SYMBOL}#parseRequestInfo`],
  },
  ({ event }) => {
    const lines = [
      'GET /api/v1/watch/nodes',
      'HEAD /api/v1/watch/nodes',
      'GET /api/v1/watch/namespaces/shop/pods/web',
      'GET /api/v1/watch/namespaces/shop',
      'DELETE /api/v1/watch/nodes',
      'POST /api/v1/watch/nodes',
      'GET /apis/example.com/v1/watch',
    ];
    expectLines(meanings(lines, event), [
      'GET /api/v1/watch/nodes: watch v1 nodes',
      'HEAD /api/v1/watch/nodes: watch v1 nodes',
      'GET /api/v1/watch/namespaces/shop/pods/web: watch v1 pods named web in shop',
      'GET /api/v1/watch/namespaces/shop: watch v1 namespaces named shop',
      'DELETE /api/v1/watch/nodes: (no verb) v1 nodes',
      'POST /api/v1/watch/nodes: (no verb) v1 nodes',
      'GET /apis/example.com/v1/watch: list example.com/v1 watch',
    ]);
  },
);

lesson(
  'Whatever a client names, however strange, comes out of its path as it went in',
  {
    invariant: 4,
    byHand: 'api /api/v1/nodes/%2E%2E%2F%E8%AA%9E   # nodes "../語" not found',
    symbols: [`${SYMBOL}#targetOf`, `${SYMBOL}#decodePart`],
  },
  ({ event, figure }) => {
    const random = randomOf(SEED);
    const letters = ['a', 'b', '/', '%', '%2F', '?', '#', ' ', 'é', '語', '..', 'watch', 'status'];
    const text = (): string =>
      Array.from({ length: 1 + random(4) }, () => letters[random(letters.length)]).join('');
    const maybe = <T>(value: T): T | undefined => (random(2) === 0 ? undefined : value);
    const requests = 500;
    for (let n = 0; n < requests; n++) {
      const group = maybe(text());
      const namespace = maybe(text());
      // As a resource of its own a namespace, or the word watch, means something else: that was tested above.
      const resource = `r${text()}`;
      const name = maybe(text());
      const subresource = name === undefined ? undefined : maybe(text());
      const parts = [
        ...(group === undefined ? ['api'] : ['apis', group]),
        'v1',
        ...(namespace === undefined ? [] : ['namespaces', namespace]),
        ...[resource, name, subresource].filter((part) => part !== undefined),
      ];
      const path = `/${parts.map(encodeURIComponent).join('/')}`;
      event(`SEED=${SEED}, request ${n}: GET ${path}`);
      expect(told(parseRequestInfo({ method: 'GET', path }))).toBe(
        told({
          kind: 'resource',
          verb: name === undefined ? 'list' : 'get',
          path,
          group: group ?? '',
          version: 'v1',
          resource,
          ...(namespace === undefined ? {} : { namespace }),
          ...(name === undefined ? {} : { name }),
          ...(subresource === undefined ? {} : { subresource }),
          rest: [],
          rawRest: '',
        }),
      );
    }
    figure('requests', requests);
  },
);

lesson(
  'A merge patch says what is to change: objects merge, null takes away, everything else replaces',
  {
    invariant: 6,
    byHand: 'kubectl patch configmap c --type merge -p \'{"data":{"a":"1","b":null}}\'',
    symbols: ['src/patch/merge-patch.ts#mergePatch'],
  },
  ({ event }) => {
    const cases: readonly (readonly [string, string])[] = [
      ['{"a":1}', '{"b":2}'],
      ['{"a":1,"b":2}', '{"a":null}'],
      ['{"a":1}', '{"a":{"b":2}}'],
      ['{"a":{"b":1,"c":2}}', '{"a":{"b":3,"d":null}}'],
      ['{"a":{"b":1}}', '{"a":"text"}'],
      ['{"a":[1,2,{"x":1}]}', '{"a":[3]}'],
      ['{"a":[1]}', '{"a":{"b":1}}'],
      ['{"a":1}', '{"n":{"x":null,"y":{"z":null}}}'],
      ['{"a":1}', '[{"b":null}]'],
      ['["a"]', '{"b":2}'],
      ['{"a":1}', 'null'],
      ['{"a":null}', '{}'],
      ['{"a":1}', '{"__proto__":"b","constructor":{"c":1}}'],
    ];
    const answers = cases.map(([target, change]) => {
      event(`mergePatch of ${target} by ${change}`);
      const [left, right] = [JSON.parse(target), JSON.parse(change)];
      const answer = JSON.stringify(mergePatch(left, right));
      const after = `${JSON.stringify(left)} by ${JSON.stringify(right)}`;
      expect(after, 'the arguments are as they were').toBe(`${target} by ${change}`);
      return `${target} by ${change}: ${answer}`;
    });
    expectLines(answers, [
      '{"a":1} by {"b":2}: {"a":1,"b":2}',
      '{"a":1,"b":2} by {"a":null}: {"b":2}',
      '{"a":1} by {"a":{"b":2}}: {"a":{"b":2}}',
      '{"a":{"b":1,"c":2}} by {"a":{"b":3,"d":null}}: {"a":{"b":3,"c":2}}',
      '{"a":{"b":1}} by {"a":"text"}: {"a":"text"}',
      '{"a":[1,2,{"x":1}]} by {"a":[3]}: {"a":[3]}',
      '{"a":[1]} by {"a":{"b":1}}: {"a":{"b":1}}',
      '{"a":1} by {"n":{"x":null,"y":{"z":null}}}: {"a":1,"n":{"y":{}}}',
      '{"a":1} by [{"b":null}]: [{"b":null}]',
      '["a"] by {"b":2}: {"b":2}',
      '{"a":1} by null: null',
      '{"a":null} by {}: {"a":null}',
      '{"a":1} by {"__proto__":"b","constructor":{"c":1}}: {"a":1,"__proto__":"b","constructor":{"c":1}}',
    ]);
  },
);
