// Bad volumes: sources that are not there or not what they are said to be, ways out of them, more in them than they hold.

import type { Container, PodSpec, VolumeMount } from 'kubernetes-types/core/v1';
import { script } from '../lab.ts';
import { bad, NEVER, once, type Row, WAIT } from './row.ts';

const failedMount = (message: string) => [
  `event FailedMount MountVolume.SetUp failed for volume "v" : ${message}`,
  'c waiting ContainerCreating: ',
];
const claimFails = (message: string) => [
  `event FailedMount Unable to attach or mount volumes: `,
  message,
];
const notPrepared =
  'c waiting CreateContainerConfigError: failed to prepare subPath for volumeMount "v" of container "c"';

/** A pod with the volume v, and its container's mount of it. */
function withVolume(
  source: object,
  mount: Partial<VolumeMount> = {},
): { container: Partial<Container>; spec: Partial<PodSpec> } {
  return {
    container: { volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] },
    spec: { volumes: [{ name: 'v', ...source }] },
  };
}

function volume(
  name: string,
  source: object,
  shows: Row['shows'],
  mount?: Partial<VolumeMount>,
): Row {
  const { container, spec } = withVolume(source, mount);
  return bad(name, container, shows, { spec });
}

/** A script that does something in the volume, and then ends. */
function filling(
  name: string,
  source: object,
  text: string,
  shows: Row['shows'],
  more: Partial<Container> = {},
): Row {
  const { container, spec } = withVolume(source);
  return bad(name, { ...container, ...once(text), ...more }, shows, {
    spec: { ...spec, ...NEVER.spec },
  });
}

const link = script(
  'link',
  'ln -s / /v/root; ln -s ../../../../../etc /v/up; ln -s loop /v/loop; exit 0',
  {
    volumeMounts: [{ name: 'v', mountPath: '/v' }],
  },
);
function linked(name: string, subPath: string, why: string): Row {
  const { container, spec } = withVolume({ emptyDir: {} }, { subPath });
  return bad(
    name,
    container,
    [`${notPrepared}: ${why}`, 'event Failed Error: failed to prepare subPath'],
    { spec: { ...spec, initContainers: [link] } },
  );
}

const CLAIM = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };

export const VOLUMES: readonly Row[] = [
  volume('secret-gone', { secret: { secretName: 'gone' } }, failedMount('secret "gone" not found')),
  volume('map-gone', { configMap: { name: 'gone' } }, failedMount('configmap "gone" not found')),
  volume(
    'secret-key',
    { secret: { secretName: 'odd', items: [{ key: 'none', path: 'a' }] } },
    failedMount('references non-existent secret key: none'),
  ),
  volume(
    'map-key',
    { configMap: { name: 'odd', items: [{ key: 'none', path: 'a' }] } },
    failedMount('configmap references non-existent config key: none'),
  ),
  volume('optional', { secret: { secretName: 'gone', optional: true } }, ['c ready']),
  volume(
    'path-file',
    { hostPath: { path: '/etc', type: 'File' } },
    failedMount('hostPath type check failed: /etc is not a file'),
  ),
  volume(
    'path-directory',
    { hostPath: { path: '/no/such', type: 'Directory' } },
    failedMount('hostPath type check failed: /no/such is not a directory'),
  ),
  volume(
    'path-socket',
    { hostPath: { path: '/etc/passwd', type: 'Socket' } },
    failedMount('hostPath type check failed: /etc/passwd is not a socket file'),
  ),
  volume(
    'claim-gone',
    { persistentVolumeClaim: { claimName: 'gone' } },
    claimFails('persistentvolumeclaims "gone" not found'),
  ),
  volume(
    'claim-unbound',
    { persistentVolumeClaim: { claimName: 'unbound' } },
    claimFails('error processing PVC default/unbound: PVC is not bound'),
  ),
  volume(
    'claim-block',
    { persistentVolumeClaim: { claimName: 'block' } },
    claimFails('volume v has volumeMode Block, but is specified in volumeMounts'),
  ),
  volume(
    'claim-own',
    { ephemeral: { volumeClaimTemplate: { spec: CLAIM } } },
    claimFails('persistentvolumeclaims "claim-own-v" not found'),
  ),
  volume(
    'file-and-directory',
    {
      configMap: {
        name: 'odd',
        items: [
          { key: 'good', path: 'a' },
          { key: 'good', path: 'a/b' },
        ],
      },
    },
    failedMount('invalid path: a/b: a is not a directory'),
  ),
  volume('mount-relative', { emptyDir: {} }, ['c ready'], { mountPath: 'v' }),
  volume(
    'nfs',
    { nfs: { server: '192.0.2.1', path: '/' } },
    failedMount('no volume plugin matched'),
  ),
  volume(
    'mount-root',
    { emptyDir: {} },
    [/c waiting CreateContainerError: .*invalid specification: destination can't be '\/'/],
    { mountPath: '/' },
  ),
  volume('mount-proc', { emptyDir: {} }, [/c waiting RunContainerError: .*inside \/proc/], {
    mountPath: '/proc/sys',
  }),
  volume('mount-on-file', { emptyDir: {} }, [/c waiting RunContainerError: .*not a directory/], {
    mountPath: '/etc/passwd/below',
  }),
  volume(
    'subpath-unknown',
    { emptyDir: {} },
    ['c waiting CreateContainerConfigError: missing value for NONE'],
    { subPathExpr: '$(NONE)/a' },
  ),
  bad(
    'subpath-up',
    {
      ...withVolume({}, { subPathExpr: '$(UP)/etc' }).container,
      env: [{ name: 'UP', value: '../../../..' }],
    },
    [notPrepared],
    { spec: withVolume({ emptyDir: {} }).spec },
  ),
  linked('subpath-root', 'root', 'subPath root is outside of its volume'),
  linked('subpath-link-up', 'up/passwd', 'subPath up/passwd is outside of its volume'),
  linked('subpath-loop', 'loop', 'too many symbolic links in loop'),
  filling(
    'memory-full',
    { emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    'head -c 3000000 /dev/zero > /v/file',
    [/c terminated Error 1: .*No space left on device/],
  ),
  filling(
    'disk-full',
    { emptyDir: { sizeLimit: '1Mi' } },
    `head -c 3000000 /dev/zero > /v/file; ${WAIT}`,
    [
      'phase Failed Evicted: Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
      'event Evicted Usage of EmptyDir volume "v" exceeds the limit "1Mi".',
    ],
  ),
  filling(
    'disk-limit',
    { emptyDir: {} },
    `head -c 3000000 /dev/zero > /v/file; ${WAIT}`,
    [
      'phase Failed Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ',
    ],
    { resources: { limits: { 'ephemeral-storage': '1Mi' } } },
  ),
  filling(
    'many-files',
    { emptyDir: { sizeLimit: '1Gi' } },
    'i=0; while [ $i -lt 5000 ]; do : > /v/$i; i=$((i+1)); done',
    ['phase Succeeded'],
  ),
  // What lies deeper than a path can name counts as well, and goes as well.
  filling(
    'deep',
    { emptyDir: { sizeLimit: '1Mi' } },
    `cd /v; d=$(head -c 200 /dev/zero | tr "\\0" d); i=0
     while [ $i -lt 60 ]; do mkdir $d; cd -P $d || exit 1; i=$((i+1)); done
     head -c 3000000 /dev/zero > end; ${WAIT}`,
    ['phase Failed Evicted: Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
  ),
];
