// Bad images and commands: names that nobody could pull, and programs that cannot be started or do not stay.

import { kubectl } from '../kubectl.ts';
import { IMAGE } from '../lab.ts';
import { bad, NEVER, once, type Row } from './row.ts';

const HEX = '0123456789abcdef'.repeat(4);
const invalid = (why: string) => [
  `c waiting InvalidImageName: Failed to apply default image tag`,
  why,
  'event InspectFailed Failed to apply default image tag',
  'event Failed Error: InvalidImageName',
];
const notStarted = (why: string | RegExp) => [
  'c waiting RunContainerError: failed to start container "c": ',
  'event Failed Error: failed to start container "c": ',
  why,
];

export const IMAGES: readonly Row[] = [
  bad('image-none', { image: 'localhost:1/none:v1' }, [
    'event Pulling Pulling image "localhost:1/none:v1"',
    'event Failed Failed to pull image "localhost:1/none:v1": ',
    'event Failed Error: ErrImagePull',
    'c waiting ErrImagePull: ',
  ]),
  bad('image-upper', { image: 'localhost:1/Upper:v1' }, invalid('(Upper) must be lowercase')),
  bad('image-no-tag', { image: 'kube-labs/node:' }, invalid('invalid reference format')),
  bad('image-digest', { image: `${IMAGE}@sha256:12` }, invalid('invalid reference format')),
  bad('image-hex', { image: HEX }, invalid('cannot specify 64-byte hexadecimal strings')),
  bad('image-shell', { image: 'a:v1;reboot' }, invalid('invalid reference format')),
  bad('image-long', { image: `${'a/'.repeat(200)}b` }, invalid('not be more than 255 characters')),
  bad('image-never', { image: 'kubelet-test/none:v1', imagePullPolicy: 'Never' }, [
    'c waiting ErrImageNeverPull: Container image "kubelet-test/none:v1" is not present with pull policy of Never',
    'event ErrImageNeverPull Container image',
  ]),
  bad('image-other-digest', { image: `${IMAGE}@sha256:${HEX}`, imagePullPolicy: 'Never' }, [
    'c waiting ErrImageNeverPull: ',
  ]),
  bad(
    'image-no-secret',
    { image: 'localhost:1/none:v1' },
    [
      'event FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
      'c waiting ErrImagePull: ',
    ],
    { spec: { imagePullSecrets: [{ name: 'gone' }] } },
  ),
];

export const COMMANDS: readonly Row[] = [
  bad('command-none', { command: ['/no/such'] }, notStarted('no such file or directory')),
  bad('command-empty', { command: [''] }, [
    /c waiting CreateContainerError: .*[Nn]o command specified/,
  ]),
  bad('command-unknown', { command: ['no-such-program'] }, notStarted('not found in $PATH')),
  bad('command-directory', { command: ['/etc'] }, notStarted(/is a directory|permission denied/)),
  bad('command-text', { command: ['/etc/passwd'] }, notStarted('permission denied')),
  // That the kernel does not want them only the container's last words can tell.
  bad('command-nul', once('a\0b'), [/c terminated Error \d+: .*invalid argument/]),
  bad('command-megabyte', once('x'.repeat(1024 ** 2)), [
    /c terminated Error \d+: .*argument list too long/,
  ]),
  bad('directory-file', { workingDir: '/etc/passwd' }, [
    /c waiting (CreateContainerError|RunContainerError): .*not a directory/,
  ]),
  bad('directory-relative', { workingDir: 'a/b' }, [
    /c waiting CreateContainerError: .*needs to be an absolute path/,
  ]),
  // The engine makes it, as it always did.
  bad('directory-none', { workingDir: '/no/such' }, ['c ready']),
  bad('ends-always', { command: ['true'] }, [
    'c terminated Completed 0: ',
    /c waiting CrashLoopBackOff: back-off 10s restarting failed container=c pod=ends-always_default\(/,
    'event BackOff Back-off restarting failed container c in pod ends-always_default(',
  ]),
  bad('exit-137', once('exit 137'), ['phase Failed', 'c terminated Error 137: '], NEVER),
  bad('exit-143', once('exit 143'), ['phase Failed', 'c terminated Error 143: '], NEVER),
  bad('exit-255', once('exit 255'), ['phase Failed', 'c terminated Error 255: '], NEVER),
  bad(
    'says-much',
    once('yes | head -c 9000000 > /dev/termination-log; exit 1'),
    [/^c terminated Error 1: (y\n){2048}$/],
    NEVER,
  ),
  bad(
    'says-bytes',
    once("printf '\\377\\376\\0end' > /dev/termination-log; exit 1"),
    [/c terminated Error 1: .*end$/],
    NEVER,
  ),
  bad(
    'one-long-line',
    once('head -c 3000000 /dev/zero | tr "\\0" x; exit 3'),
    [/c terminated Error 3: x{2000,2048}$/],
    {
      ...NEVER,
      also: async (lab) => {
        const { stdout } = await kubectl(lab, 'logs', 'one-long-line', '--limit-bytes=100');
        if (stdout !== 'x'.repeat(100)) throw new Error(`Its log begins with ${stdout}`);
      },
    },
  ),
];
