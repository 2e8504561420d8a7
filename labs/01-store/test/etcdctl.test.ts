// etcdctl 3.4 on our store and on a real etcd: the same command lines, the same lines of output, the same exit codes.
//
// The commands run in this order on both, each group on what the groups before it left.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restoreSnapshot } from '#src/backup.ts';
import { openStore } from '#src/open-store.ts';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { comparable, etcdctl, type RunOptions } from './support/etcdctl.ts';
import { eventually } from './support/eventually.ts';
import { type Served, serve } from './support/serve.ts';

/** Up to eighty commands one after the other, each a process on either side. */
const TIMEOUT_MS = 600_000;

let ours: Served;
let etcd: Etcd;
/** Per side: what a command printed that a later one needs, by name. */
const captured: [Record<string, string>, Record<string, string>] = [{}, {}];

beforeAll(async () => {
  [ours, etcd] = await Promise.all([
    serve({ server: { advertisePeerUrls: ['http://127.0.0.1:12380'] } }),
    startEtcd({ flags: { '--bcrypt-cost': '4' } }),
  ]);
});

afterAll(async () => {
  await ours?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

type Command = string | readonly [line: string, options: RunOptions & { capture?: string }];

/** Words, as a shell would make them of this simple line: 'quoted ones' stay together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
}

async function run(side: 0 | 1, command: Command): Promise<string> {
  const [line, { capture, ...options }] = typeof command === 'string' ? [command, {}] : command;
  const own = captured[side];
  const words = wordsOf(line.replace(/\{(\w+)\}/g, (_, name) => own[name] ?? `no ${name}`));
  const outcome = await etcdctl(side === 0 ? ours.url : etcd.endpoint, words, options);
  if (capture !== undefined) {
    const [id] = /[0-9a-f]{12,16}/.exec(outcome.stdout) ?? [];
    own[capture] = id ?? `no ${capture}`;
  }
  return `etcdctl ${line}\n${comparable(outcome, own)}`;
}

async function same(commands: readonly Command[]): Promise<void> {
  for (const command of commands) {
    const [actual, expected] = await Promise.all([run(0, command), run(1, command)]);
    expect(actual).toBe(expected);
  }
}

const txn = (...lines: string[]) => ({ stdin: `${lines.join('\n')}\n` });

const groups: Readonly<Record<string, readonly Command[]>> = {
  'put and get': [
    'put a 1',
    'put b 2 --prev-kv',
    'put c 3 -w json',
    'put a 4 --prev-kv -w json',
    'put a 5 --prev-kv -w fields',
    'put c/1 x -w table',
    ['put c/2', { stdin: 'from standard input' }],
    ['put -- -dashed', { stdin: '-' }],
    'put ключ значение',
    'get a',
    'get a -w json',
    'get a -w fields',
    'get a -w table',
    'get absent',
    'get absent -w json',
    'get ключ --hex',
    'get c --prefix',
    'get c --prefix --limit=2',
    'get c --prefix --limit=2 -w json',
    'get b --from-key',
    "get '' --prefix",
    "get '' --from-key --keys-only",
    'get a c',
    'get a --prefix --print-value-only',
    'get c --prefix --order=DESCEND',
    "get '' --prefix --order=ASCEND --sort-by=MODIFY --keys-only",
    "get '' --prefix --order=DESCEND --sort-by=VERSION --keys-only",
    "get '' --prefix --order=DESCEND --sort-by=CREATE --limit=3 --keys-only",
    "get '' --prefix --order=ASCEND --sort-by=VALUE --print-value-only",
    "get '' --prefix --sort-by=MODIFY --keys-only",
    'get a --rev=2',
    'get a --rev=4 -w json',
    'get a --consistency=s',
    'get c --prefix --rev=6 --keys-only',
  ],
  'put: what it keeps': [
    'put a --ignore-value',
    'get a -w json',
    'put new --ignore-value',
    'put a value --ignore-value',
    'put new value --ignore-lease',
    ['lease grant 100', { capture: 'kept' }],
    'put leased 1 --lease={kept}',
    'put leased 2 --ignore-lease',
    'get leased -w json',
    'put leased 3',
    'get leased -w fields',
    'put leased 4 --ignore-lease --lease={kept}',
    'lease revoke {kept}',
  ],
  'put and get: what is refused': [
    "put '' x",
    "get ''",
    'get',
    'put',
    'get a --rev=1000',
    'put a x --lease=1234',
    'put a x --lease=zzz',
    'get a --limit=x',
    'get a --order=SIDEWAYS',
    'get a --sort-by=LUCK',
    'get a --prefix --from-key',
    'get a b --prefix',
    ['put big', { stdin: 'x'.repeat(1_600_000) }],
    ['put huge', { stdin: 'x'.repeat(2_600_000) }],
    'nonsense',
  ],
  del: [
    'put d/1 1',
    'put d/2 2',
    'put d/3 3',
    'del d/1',
    'del d/1',
    'del d/2 --prev-kv',
    'put d/2 2',
    'del d --prefix --prev-kv -w json',
    'put y 1',
    'put z 1',
    'del y --from-key',
    'del d e',
    "del ''",
    'del a b --prefix',
  ],
  txn: [
    ['txn', txn('mod("a") > "0"', '', 'put a then', 'get a', '', 'put a else', '')],
    ['txn', txn('mod("a") = "0"', '', 'put a then', '', 'get a', 'del b', '')],
    ['txn -w json', txn('value("a") = "then"', 'create("a") != "0"', '', 'get c --prefix', '', '')],
    ['txn -w fields', txn('version("a") < "1"', '', '', 'get a', '')],
    ['txn', txn('', 'put t/1 1', 'put t/2 2', 'get t --prefix', 'del t/3', '', '')],
    ['txn --interactive', txn('ver("a") > "0"', '', 'get a', '', '', '')],
    ['txn', txn('', 'put same 1', 'put same 2', '', '')],
    ['txn', txn('', 'put t/9 1', 'del t --prefix', '', '')],
    ['txn', txn('', 'put t/9 1 --lease=1234', '', '')],
    ['txn', txn('', 'get a --rev=100000', '', '')],
    ['txn', txn('nonsense', '', '', '')],
    ['txn', txn('', 'nonsense', '', '')],
    ['txn', txn('', ...Array.from({ length: 129 }, (_, i) => `put many/${i} x`), '', '')],
  ],
  watch: [
    'put w/1 a',
    'put w/1 b',
    'put w/2 c',
    'del w/1',
    ['watch w --prefix --rev=2', { untilLines: 11 }],
    ['watch w --prefix --rev=2 --prev-kv', { untilLines: 15 }],
    ['watch -i', { stdin: 'watch w/2 --rev=2\n', untilLines: 3 }],
    [
      'watch -i',
      { stdin: 'watch w/1 --rev=2 --prev-kv\nnonsense\n', untilLines: 8, untilErrors: 1 },
    ],
    'watch b a',
    'watch w --rev=x',
    'watch',
    ['watch w/2 --rev=2 -- sh -c echo', { untilLines: 3 }],
  ],
  lease: [
    ['lease grant 100', { capture: 'lease' }],
    'lease list',
    'lease timetolive {lease} -w json',
    'put l/2 x --lease={lease}',
    'lease timetolive {lease} --keys',
    'put l/1 x --lease={lease}',
    'lease keep-alive --once {lease}',
    'lease keep-alive --once {lease} -w json',
    'get l --prefix -w json',
    'lease revoke {lease}',
    'get l --prefix',
    'lease revoke {lease}',
    'lease timetolive {lease}',
    'lease timetolive {lease} -w json',
    'lease keep-alive --once {lease}',
    'lease list',
    ['lease grant 1', { capture: 'shortest' }],
    ['lease grant 0', { capture: 'none' }],
    'lease grant 9000000001',
    'lease grant x',
    'lease grant',
    'lease revoke zzz',
    'lease timetolive 0',
  ],
  'the rest of what a person does': [
    'endpoint health',
    'endpoint health -w json --cluster',
    'alarm list',
    'alarm disarm',
    ['member list', { capture: 'member' }],
    'member list -w table',
    'member list -w json',
    'member list -w fields',
    'defrag',
    'role list',
    'user list',
    'move-leader 1234',
    'version',
    'check nonsense',
  ],
  compaction: [
    'compaction 5',
    'compaction 5',
    'compaction 4',
    'compaction 100000',
    'compaction x',
    'get a --rev=4',
    'get a --rev=5',
    'compaction 20 --physical',
    'get a --rev=19 -w json',
    'watch w --prefix --rev=3',
    'watch w --prefix --rev=3 -w json',
    ['txn', txn('', 'get a --rev=3', '', '')],
  ],
  'lock and elect': [
    'lock mutex echo held',
    ['lock mutex', { untilLines: 1, capture: 'held' }],
    ['elect leader ours', { untilLines: 2, capture: 'elected' }],
    ['elect -l leader', { untilLines: 2 }],
    // Before their time is over, which would be a revision for one side and not yet for the other.
    'lease revoke {held}',
    'lease revoke {elected}',
    'lock',
    'elect',
  ],
};

describe.each(Object.entries(groups))('%s', (_name, commands) => {
  test('says the same as on etcd', { timeout: TIMEOUT_MS }, () => same(commands));
});

test('auth, users and roles say the same as on etcd', { timeout: TIMEOUT_MS }, () =>
  same([
    'auth enable',
    'user add root:secret',
    'user add root:secret',
    'user add alice:wonder',
    "user add '' --new-user-password=x",
    'user add bob --no-password',
    'user list',
    'user get alice',
    'user get alice --detail',
    'user get nobody',
    ['user passwd alice --interactive=false', { stdin: 'wonderland\n' }],
    'role add reader',
    'role add reader',
    "role add ''",
    'role grant-permission reader read a',
    'role grant-permission reader read c/ d',
    'role grant-permission reader readwrite own --prefix',
    'role grant-permission reader write z --from-key',
    'role grant-permission nobody read a',
    'role grant-permission reader sing a',
    'role get reader',
    'role get reader -w json',
    'role get nobody',
    'role revoke-permission reader z --from-key',
    'role revoke-permission reader z',
    'role list',
    'user grant-role alice reader',
    'user grant-role alice reader',
    'user grant-role alice nobody',
    'user grant-role nobody reader',
    'user get alice --detail',
    'get a --user=alice:wonderland',
    'auth enable',
    'get a',
    'put a x',
    'user list',
    'get a --user=alice:wrong',
    'get a --user=nobody:wrong',
    'get a --user=bob:',
    'get a --user=alice:wonderland',
    'get b --user=alice:wonderland',
    'get a b --user=alice:wonderland',
    'get c/1 c/3 --user=alice:wonderland',
    "get '' --prefix --user=alice:wonderland",
    'put a x --user=alice:wonderland',
    'put own/1 x --user=alice:wonderland',
    'put own/1 y --prev-kv --user=alice:wonderland',
    'del own --prefix --user=alice:wonderland',
    'del a --user=alice:wonderland',
    ['txn --user=alice:wonderland', txn('mod("a") > "0"', '', 'get a', 'put own/2 x', '', '')],
    ['txn --user=alice:wonderland', txn('mod("b") > "0"', '', 'get a', '', '')],
    ['txn --user=alice:wonderland', txn('', 'put a x', '', '')],
    'watch b --user=alice:wonderland',
    ['watch own --prefix --rev=21 --user=alice:wonderland', { untilLines: 3 }],
    ['lease grant 100 --user=root:secret', { capture: 'rootlease' }],
    'put b 1 --lease={rootlease} --user=root:secret',
    'put own/1 x --lease={rootlease} --user=alice:wonderland',
    'lease revoke {rootlease} --user=alice:wonderland',
    'lease revoke {rootlease} --user=root:secret',
    'user get alice --user=alice:wonderland',
    'user get root --user=alice:wonderland',
    'user list --user=alice:wonderland',
    'user add eve:evil --user=alice:wonderland',
    'role get reader --user=alice:wonderland',
    'role list --user=alice:wonderland',
    'auth disable --user=alice:wonderland',
    'user delete root --user=root:secret',
    'role delete root --user=root:secret',
    'user revoke-role root root --user=root:secret',
    'user revoke-role alice nobody --user=root:secret',
    'user revoke-role alice reader --user=root:secret',
    'get a --user=alice:wonderland',
    'user delete alice --user=root:secret',
    'get a --user=alice:wonderland',
    'role delete reader --user=root:secret',
    'role delete reader --user=root:secret',
    'endpoint health --user=root:secret',
    'auth disable --user=root:secret',
    'auth disable',
    'get a',
  ]),
);

test('a snapshot that etcdctl saved is a store again', { timeout: TIMEOUT_MS }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kube-labs-snapshot-'));
  try {
    const file = join(directory, 'snapshot.db');
    const saved = await etcdctl(ours.url, ['snapshot', 'save', file]);
    expect([saved.code, saved.stdout]).toEqual([0, `Snapshot saved at ${file}\n`]);
    await restoreSnapshot(file, join(directory, 'restored'));
    await using restored = await openStore({ dataDir: join(directory, 'restored') });
    expect(await restored.maintenance.hashKv()).toEqual(await ours.store.maintenance.hashKv());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('endpoint status and hashkv tell what the store says of itself', async () => {
  const status = await etcdctl(ours.url, ['endpoint', 'status', '-w', 'json']);
  const { revision, dbSizeBytes, version } = await ours.store.status();
  expect(JSON.parse(status.stdout)).toMatchObject([
    { Endpoint: ours.url, Status: { header: { revision }, version, dbSize: dbSizeBytes } },
  ]);
  const { hash } = await ours.store.maintenance.hashKv();
  const hashed = await etcdctl(ours.url, ['endpoint', 'hashkv']);
  expect(hashed.stdout).toBe(`${ours.url}, ${hash}\n`);
});

test('a watch that waits hears what happens, on both', async () => {
  const watching = Promise.all([
    run(0, ['watch live --prefix', { untilLines: 6 }]),
    run(1, ['watch live --prefix', { untilLines: 6 }]),
  ]);
  // Nobody knows when a client is there to listen: it is told until it has heard.
  let isDone = false;
  const done = watching.finally(() => {
    isDone = true;
  });
  await eventually(async () => {
    if (isDone) return;
    await Promise.all([run(0, 'put live/1 x'), run(1, 'put live/1 x')]);
    if (!isDone) throw new Error('the watches have not heard yet');
  }, 90_000);
  const [actual, expected] = await done;
  expect(actual).toBe(expected);
});
