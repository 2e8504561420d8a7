// Bad configuration: objects and keys that are not there, variables without sense, names that are too many or too long.

import { bad, type More, type Row } from './row.ts';

const configError = (message: string) => [
  `c waiting CreateContainerConfigError: ${message}`,
  `event Failed Error: ${message}`,
];
const env = (name: string, source: object) => ({ env: [{ name, valueFrom: source }] });
const prints = (name: string, script: string, want: string): More => ({
  also: (lab) =>
    lab
      .until(`${name} prints ${want}`, async () => {
        return (await lab.exec(`c_${name}`, 'sh', '-c', script)) === want;
      })
      .then(() => {}),
});

export const CONFIGURATION: readonly Row[] = [
  bad(
    'env-no-secret',
    { envFrom: [{ secretRef: { name: 'gone' } }] },
    configError('secret "gone" not found'),
  ),
  bad(
    'env-no-map',
    { envFrom: [{ configMapRef: { name: 'gone' } }] },
    configError('configmap "gone" not found'),
  ),
  bad(
    'env-no-key',
    env('A', { secretKeyRef: { name: 'odd', key: 'none' } }),
    configError("couldn't find key none in Secret default/odd"),
  ),
  bad(
    'env-map-no-key',
    env('A', { configMapKeyRef: { name: 'odd', key: 'none' } }),
    configError("couldn't find key none in ConfigMap default/odd"),
  ),
  bad('env-optional', env('A', { secretKeyRef: { name: 'gone', key: 'a', optional: true } }), [
    'c ready',
  ]),
  bad('env-names', { envFrom: [{ configMapRef: { name: 'odd' } }] }, [
    'event InvalidEnvironmentVariableNames Keys [1st] from the EnvFrom configMap default/odd were skipped since they are considered invalid environment variable names.',
    'c ready',
  ]),
  bad(
    'env-itself',
    {
      env: [
        { name: 'A', value: '$(A)$(B)$$(C)' },
        { name: 'B', value: 'b' },
      ],
    },
    ['c ready'],
    prints('env-itself', 'echo "$A"', '$(A)$(B)$(C)'),
  ),
  bad(
    'env-thousand',
    {
      env: Array.from({ length: 1_000 }, (_, i) => ({
        name: `V${i}`,
        value: `$(V${i - 1})${i}`.slice(-60),
      })),
    },
    ['c ready'],
    prints('env-thousand', 'env | grep -c ^V', '1000'),
  ),
  // What the kernel takes for one variable is less than what the API takes for a pod.
  bad(
    'env-long',
    {
      env: [{ name: 'A', value: 'x'.repeat(200_000) }],
      terminationMessagePolicy: 'FallbackToLogsOnError',
    },
    [/c terminated Error \d+: .*argument list too long/],
  ),
  bad('annotations-long', {}, ['c ready'], {
    metadata: { annotations: { a: 'x'.repeat(200_000) } },
  }),
  bad(
    'name-of-host',
    {},
    [
      /event FailedCreatePodSandBox Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, FQDN .* is too long \(64 characters is the max, 153 characters requested\)/,
    ],
    {
      spec: { hostname: 'h'.repeat(63), subdomain: 's'.repeat(63), setHostnameAsFQDN: true },
    },
  ),
  bad(
    'dns-many',
    {},
    [
      'event DNSConfigForming Search Line limits were exceeded, some search paths have been omitted, the applied search line is: default.svc.cluster.local',
      'c ready',
    ],
    {
      spec: { dnsConfig: { searches: Array.from({ length: 32 }, (_, i) => `s${i}.example`) } },
    },
  ),
  bad('dns-servers', {}, ['event DNSConfigForming Nameserver limits were exceeded', 'c ready'], {
    spec: { dnsConfig: { nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } },
  }),
  bad('aliases', {}, ['c ready'], {
    spec: {
      hostAliases: Array.from({ length: 300 }, (_, i) => ({
        ip: '192.0.2.9',
        hostnames: [`h${i}`, 'localhost'],
      })),
    },
  }),
];
