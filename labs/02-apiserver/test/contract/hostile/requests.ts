// Requests: paths, queries, headers and methods, from nearly right to absurd; a part of them as bytes that are no HTTP at all.
import { bodyOf } from './bodies.ts';
import type { Random } from './random.ts';

/** What may be asked for. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer | undefined;
  /** Sent as they are, on a connection of its own. */
  readonly raw?: Buffer;
}

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'LOCK',
] as const;
const NAMES = [
  'x',
  'y',
  'z',
  'default',
  'kubernetes',
  'system:node',
  '%2e%2e',
  '..',
  '.',
  '%00',
  '%ff',
  '%',
  '%zz',
  '%2F',
  'a%2Fb',
  'é',
  'A'.repeat(300),
  'a;b',
  'a:80',
  'https:a:80',
  '__proto__',
  'constructor',
  '*',
  '-',
];
const OTHER_PATHS = [
  '/',
  '',
  '//',
  '/api',
  '/apis',
  '/api/v1/',
  '/apis/apps',
  '/apis/nope/v1',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/apis/apps/v1?hash=zz',
  '/openapi/v3/../../etc/passwd',
  '/version',
  '/metrics',
  '/healthz/x',
  '/readyz?verbose&exclude=etcd',
  '/livez/../api',
  '/.well-known/openid-configuration',
  '/openid/v1/jwks',
  '/api/v1/watch/pods',
  '/api/v1/proxy/nodes/x',
  '/api/v1/namespaces/default/finalize',
  '/apis/example.com/v1/namespaces/default/widgets',
  '/apis/example.com/v1/namespaces/default/widgets/x/scale',
  '*',
  '/%2e%2e/%2e%2e/api',
  `/${'a/'.repeat(2000)}`,
];
const SUBRESOURCES = [
  'status',
  'scale',
  'log',
  'exec',
  'attach',
  'portforward',
  'proxy',
  'proxy/a/../b',
  'eviction',
  'binding',
  'ephemeralcontainers',
  'finalize',
  'token',
  'approval',
  'resize',
  'nope',
  'status/x',
  '%73tatus',
];
const QUERIES: readonly (readonly [string, readonly string[]])[] = [
  ['limit', ['-1', '0', '1', '99999999999999999999', 'x', '1e3', '']],
  [
    'continue',
    [
      'x',
      'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8uLi8ifQ',
      'e30',
      'bnVsbA',
      '====',
      'A'.repeat(9000),
    ],
  ],
  ['resourceVersion', ['0', '1', '-1', 'x', '99999999999999999999', '0x1', '1.5']],
  ['resourceVersionMatch', ['Exact', 'NotOlderThan', 'Newest', '']],
  [
    'labelSelector',
    [
      'app=x',
      'app in (',
      '!',
      'a=b=c',
      'a'.repeat(9000),
      ',,,',
      'app notin (x,y),!z',
      `a in (${'x,'.repeat(2000)}x)`,
      '\u0000',
      '__proto__=x',
      'a>9e9',
      'a/b/c=1',
    ],
  ],
  [
    'fieldSelector',
    [
      'metadata.name=x',
      'spec.nodeName!=',
      'a=b',
      '=',
      'metadata.name',
      '__proto__=x',
      'metadata.name=x,metadata.name=y',
      '\\',
      'metadata.name=\\=',
    ],
  ],
  ['watch', ['true', '1', 'false', 'maybe', '']],
  ['timeoutSeconds', ['1', '-5', 'x', '99999999999999']],
  ['timeout', ['1s', '-1s', 'x', '99999h', '0']],
  ['allowWatchBookmarks', ['true', 'x']],
  ['sendInitialEvents', ['true', 'false', 'x']],
  ['dryRun', ['All', 'all', '', 'None']],
  ['fieldManager', ['x', 'x'.repeat(200), '\u0001', '']],
  ['fieldValidation', ['Strict', 'Warn', 'Ignore', 'X']],
  ['force', ['true', 'x']],
  ['pretty', ['true', '99']],
  ['gracePeriodSeconds', ['0', '-1', 'x', '99999999999999999999']],
  ['propagationPolicy', ['Orphan', 'Foreground', 'X']],
  ['orphanDependents', ['true', 'x']],
  ['container', ['c', '', '../..']],
  ['tailLines', ['-1', 'x', '5']],
  ['sinceTime', ['x', '2026-01-01T00:00:00Z']],
  ['command', ['ls', '']],
  ['stdin', ['true', 'x']],
  ['ports', ['80', 'x', '-1']],
  ['path', ['/', '../..', 'http://127.0.0.1:1/']],
  ['includeObject', ['Object', 'None', 'X']],
  ['%zz', ['%zz']],
  ['__proto__', ['x']],
];
const HEADERS: readonly (readonly [string, readonly (string | string[])[]])[] = [
  [
    'accept',
    [
      '*/*',
      'application/json',
      'application/yaml',
      'application/vnd.kubernetes.protobuf',
      'application/json;as=Table;v=v1;g=meta.k8s.io',
      'application/json;as=Table;v=v9;g=x',
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io',
      'application/cbor',
      ';;q=,',
      'text/html;q=2',
      'a/b,'.repeat(1500),
      'application/vnd.kubernetes.protobuf;stream=watch',
    ],
  ],
  [
    'authorization',
    [
      'Bearer x',
      'Bearer a.b.c',
      'Bearer ',
      'Basic Og==',
      'Negotiate x',
      `Bearer ${'a'.repeat(7000)}`,
    ],
  ],
  ['impersonate-user', ['ann', '', 'system:masters']],
  ['impersonate-group', ['x', 'system:masters']],
  ['impersonate-extra-%zz', ['x']],
  ['impersonate-uid', ['1']],
  ['content-encoding', ['gzip', 'br', 'x']],
  ['accept-encoding', ['gzip', 'gzip;q=0', 'x,,,']],
  ['if-match', ['"x"']],
  ['if-none-match', ['*', '"x"']],
  ['host', ['', 'x:y:z', '127.0.0.1']],
  ['x-remote-user', ['root']],
  ['x-forwarded-for', ['1.2.3.4, x']],
  ['x-http-method-override', ['DELETE']],
  ['audit-id', ['x', 'x'.repeat(5000)]],
  ['traceparent', ['00-x']],
  ['user-agent', ['', 'x'.repeat(5000), '(((((']],
  ['cookie', ['a=b; c']],
  ['origin', ['null']],
  ['range', ['bytes=0-0,5-1']],
];
const UPGRADES: readonly Readonly<Record<string, string>>[] = [
  {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': 'v5.channel.k8s.io',
  },
  {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '99',
    'sec-websocket-key': 'x',
  },
  { connection: 'Upgrade', upgrade: 'websocket' },
  { connection: 'upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
  { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
  { connection: 'Upgrade', upgrade: 'h2c' },
  { connection: 'Upgrade, close', upgrade: 'websocket, SPDY/3.1' },
  { connection: 'Upgrade', upgrade: '' },
];

/** How many of a hundred requests name an object. */
const NAMED: Readonly<Record<string, number>> = { POST: 20, PUT: 95, PATCH: 95, DELETE: 85 };

export function hostileRequest(random: Random, targets: readonly Target[]): HostileRequest {
  const target = random.pick(targets);
  const { resource, kind, group, version } = target;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const method = random.chance(90) ? random.pick(METHODS.slice(0, 5)) : random.pick(METHODS);
  const name = random.chance(NAMED[method] ?? 50) ? nameOf(random) : undefined;
  const path =
    (random.chance(12) ? random.pick(OTHER_PATHS) : resourcePath(random, target, name)) +
    query(random);
  const withBody = random.chance(method === 'GET' ? 5 : 90);
  const body = withBody ? bodyOf(random, method, { resource, name, apiVersion, kind }) : undefined;
  const headers: Record<string, string | string[]> = {};
  if (body?.type !== undefined) headers['content-type'] = body.type;
  if (body !== undefined) headers['content-length'] = String(body.bytes.length);
  for (let n = random.chance(50) ? random.below(4) : 0; n > 0; n -= 1) {
    const [name, values] = random.pick(HEADERS);
    headers[name] = random.pick(values);
  }
  if (random.chance(6)) Object.assign(headers, random.pick(UPGRADES));
  const request = { method, path, headers, body: body?.bytes };
  return random.chance(10) ? { ...request, raw: rawBytes(random, request) } : request;
}

function nameOf(random: Random): string {
  if (random.chance(60)) return 'x';
  return random.pick(random.chance(50) ? NAMES.slice(0, 5) : NAMES);
}

function resourcePath(
  random: Random,
  { group, version, resource, namespaced }: Target,
  name: string | undefined,
): string {
  let path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  if (random.chance(namespaced ? 92 : 5)) {
    path += `/namespaces/${random.chance(90) ? 'default' : nameOf(random)}`;
  }
  path += `/${resource}`;
  if (name !== undefined) path += `/${name}`;
  if (name !== undefined && random.chance(25)) path += `/${random.pick(SUBRESOURCES)}`;
  if (random.chance(4)) {
    path = path.replace('/', random.pick(['//', '/./', '/%2e%2e/', '\\', '/;/']));
  }
  return random.chance(4) ? `${path}/` : path;
}

function query(random: Random): string {
  if (random.chance(60)) return '';
  const pairs = random.times(4, () => {
    const [name, values] = random.pick(QUERIES);
    const value = random.pick(values);
    return random.chance(90) ? `${name}=${encodeURIComponent(value)}` : `${name}=${value}`;
  });
  return `?${pairs.join(random.chance(95) ? '&' : ';')}`;
}

/** What no client library would send: wrong lengths, headers twice, chunks that are none, lines without end. */
function rawBytes(
  random: Random,
  { method, path, body = Buffer.alloc(0) }: HostileRequest,
): Buffer {
  const safePath = encodeURI(path.replaceAll('%', '')).slice(0, 2000) || '/';
  const text = (...lines: string[]) => Buffer.from(lines.join('\r\n'));
  const first = `${method} ${safePath} HTTP/1.1`;
  const host = 'Host: x';
  const some = body.subarray(0, 2000);
  const tricks: readonly (() => Buffer)[] = [
    () => random.bytes(500),
    () => text('GET'),
    () => text(`${method} ${safePath}`, '', ''),
    () => text(`X-${method} ${safePath} HTTP/1.1`, host, '', ''),
    () => text(first, '', ''),
    () => text(first, host, 'Content-Length: 5', 'Content-Length: 7', '', '12345'),
    () => text(first, host, 'Content-Length: -1', '', ''),
    () => text(first, host, 'Content-Length: 99999999999999999999', '', 'x'),
    () =>
      text(
        first,
        host,
        'Content-Length: 3',
        'Transfer-Encoding: chunked',
        '',
        '5',
        'hello',
        '0',
        '',
        '',
      ),
    () => text(first, host, 'Transfer-Encoding: chunked', '', 'ffffffffffffffff', 'x'),
    () => text(first, host, 'Transfer-Encoding: chunked', '', 'zz', 'x', '', ''),
    () => text(first, host, 'Transfer-Encoding: gzip, chunked', '', '0', '', ''),
    () =>
      Buffer.concat([
        text(
          first,
          host,
          'Content-Type: application/json',
          `Content-Length: ${some.length + 50}`,
          '',
          '',
        ),
        some,
      ]),
    () =>
      Buffer.concat([
        text(
          first,
          host,
          'Content-Type: application/json',
          `Content-Length: ${Math.max(0, some.length - 5)}`,
          '',
          '',
        ),
        some,
      ]),
    () =>
      text(
        first,
        host,
        'Content-Type: a',
        'Content-Type: b',
        'Accept: a',
        'Accept: b',
        'Authorization: x',
        'Authorization: y',
        '',
        '',
      ),
    () => text(first, host, `X-Long: ${'a'.repeat(100_000)}`, '', ''),
    () => text(first, host, ...Array.from({ length: 3000 }, (_, n) => `X-${n}: y`), '', ''),
    () => text(first, host, 'Folded: a', ' b', 'Bad Name: c', '', ''),
    () => text(first, host, 'Nul: \0', '', ''),
    () => text(first, host, 'Expect: 100-continue', 'Content-Length: 10', '', ''),
    () => text(first, host, 'Expect: the-unexpected', '', ''),
    () =>
      text(
        first,
        host,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Key: x',
        '',
        '\xff\xff\xff\xff',
      ),
    () => text('PRI * HTTP/2.0', '', 'SM', '', 'xxxxxxxxx'),
    () => text(`${first.replace('1.1', '9.9')}`, host, '', ''),
    () =>
      Buffer.concat(
        Array.from({ length: 30 }, () => text(`GET ${safePath} HTTP/1.1`, host, '', '')),
      ),
    () => text(`CONNECT 127.0.0.1:1 HTTP/1.1`, host, '', ''),
    () => text(`GET http://127.0.0.1:1/ HTTP/1.1`, host, '', ''),
  ];
  return random.pick(tricks)();
}
