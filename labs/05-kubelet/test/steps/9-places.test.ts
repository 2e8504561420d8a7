// Step 9, addresses and files: what is on disk when the kubelet is killed, and what the next one makes of it.
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import { parseCidr } from '#src/network/cidr.ts';
import { Ipam } from '#src/network/ipam.ts';
import { type Payload, writeAtomically } from '#src/volume/atomic-writer.ts';
import { killEverywhere, temporaryDirectory, watch } from './support/disk.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const IPAM = 'src/network/ipam.ts#Ipam';
const WRITER = 'src/volume/atomic-writer.ts';
/** Five addresses for pods, .2 to .6. */
const SMALL = parseCidr('10.0.0.0/29');
const SMALL_SIZE = 5;
/** What the node has after its range was changed. */
const OTHER = parseCidr('10.0.2.0/29');
/** The same work some twenty times, on a machine that may be busy. */
const EVERYWHERE_MS = 15_000;
const NOW_MS = Date.UTC(2015, 10, 9, 10);

/** A line for a shell: some work on addresses, and the files that it leaves. */
const byHandIpam = (work: string): string =>
  `npx tsx -e "import { Ipam } from './work/05-kubelet/src/network/ipam.ts'; import { parseCidr } from './work/05-kubelet/src/network/cidr.ts'; (async () => { const ipam = await Ipam.open('/tmp/ipam', parseCidr('10.0.0.0/29')); ${work} })()"; grep -r . /tmp/ipam; rm -r /tmp/ipam`;
/** A line for a shell: sets of files that are written into a volume one after the other, and what it looks like then. */
const byHandWriter = (...payloads: readonly string[]): string =>
  `mkdir /tmp/volume; npx tsx -e "import { writeAtomically } from './work/05-kubelet/src/volume/atomic-writer.ts'; (async () => { for (const names of ${JSON.stringify(payloads).replaceAll('"', "'")}) console.log(await writeAtomically('/tmp/volume', new Map([...names].map((name) => [name, { data: Buffer.from(names), mode: 0o644, uid: process.getuid(), gid: process.getgid() }])), Date.now())) })()"; ls -lA /tmp/volume; rm -r /tmp/volume`;

const open = (directory: string): Promise<Ipam> => Ipam.open(directory, SMALL);

/** Every file of a directory with what is in it. */
const filesOf = (directory: string): string[] =>
  readdirSync(directory)
    .sort()
    .map((name) => `${name}: ${readFileSync(join(directory, name), 'utf8')}`);

const errorOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: Error) => error.message,
  );

lesson(
  'A sandbox gets an address, which is on disk before anybody hears of it, and keeps it',
  {
    invariant: 1,
    byHand: byHandIpam("console.log(await ipam.allocate('a'), await ipam.allocate('b'))"),
    symbols: [`${IPAM}.allocate`, `${IPAM}.#reserve`, `${IPAM}.#nextFree`],
  },
  async ({ event }) => {
    const directory = temporaryDirectory();
    event('a and b ask for an address, a asks again');
    const ipam = await open(directory);
    const got = [await ipam.allocate('a')];
    expectLines(filesOf(directory), ['10.0.0.2: a', 'last_reserved_ip: 10.0.0.2']);
    got.push(await ipam.allocate('b'), await ipam.allocate('a'));
    expectLines(got, ['10.0.0.2', '10.0.0.3', '10.0.0.2']);
    event('the next kubelet opens the directory, and b asks again');
    expect(await (await open(directory)).allocate('b')).toBe('10.0.0.3');
    expectLines(filesOf(directory), ['10.0.0.2: a', '10.0.0.3: b', 'last_reserved_ip: 10.0.0.3']);
  },
);

lesson(
  'What is given back comes again after all the others, also when the kubelet was started again',
  {
    invariant: 2,
    byHand: byHandIpam(
      "for (const id of 'abc') { console.log(await ipam.allocate(id)); await ipam.release(id) }",
    ),
    symbols: [`${IPAM}.release`, `${IPAM}.#nextFree`],
  },
  async ({ event }) => {
    const directory = temporaryDirectory();
    event('five addresses; a, b, c come and go, one after the other');
    let ipam = await open(directory);
    const got: string[] = [];
    for (const id of ['a', 'b', 'c']) {
      got.push(await ipam.allocate(id));
      await ipam.release(id);
    }
    await ipam.release('never had one');
    expectLines(
      [...got, ...filesOf(directory)],
      [...['10.0.0.2', '10.0.0.3', '10.0.0.4'], 'last_reserved_ip: 10.0.0.4'],
    );
    event('the kubelet is started again; five more come, and stay; then one more');
    ipam = await open(directory);
    const rest: string[] = [];
    for (const id of ['d', 'e', 'f', 'g', 'h']) rest.push(await ipam.allocate(id));
    rest.push(await errorOf(ipam.allocate('i')));
    expectLines(rest, [
      ...['10.0.0.5', '10.0.0.6', '10.0.0.2', '10.0.0.3', '10.0.0.4'],
      'no IP addresses available in range set: 10.0.0.2-10.0.0.6',
    ]);
    event('f goes, and i gets what it had');
    await ipam.release('f');
    expect(await ipam.allocate('i')).toBe('10.0.0.2');
    event('the node has another range now: its first address is next; d gives back all it has');
    ipam = await Ipam.open(directory, OTHER);
    expectLines([await ipam.allocate('k'), await ipam.allocate('d')], ['10.0.2.2', '10.0.2.3']);
    await ipam.release('d');
    expectLines(
      ipam.owners().filter((owner) => owner === 'd'),
      [],
    );
  },
);

lesson(
  'No two get the same address: not at the same moment, and not from two processes',
  {
    invariant: 3,
    byHand: byHandIpam(
      "console.log(await Promise.all([...'abca'].map((id) => ipam.allocate(id))))",
    ),
    symbols: [`${IPAM}.allocate`, `${IPAM}.#reserve`],
  },
  async ({ event }) => {
    const directory = temporaryDirectory();
    event('a, b, c and a once more ask at the same moment');
    const ipam = await open(directory);
    const all = await Promise.all(['a', 'b', 'c', 'a'].map((id) => ipam.allocate(id)));
    expectLines(all.toSorted(), ['10.0.0.2', '10.0.0.2', '10.0.0.3', '10.0.0.4']);
    event('another process has taken .5 for x and .6 for y; x asks, d asks, y asks');
    const answer = (id: string) => ipam.allocate(id).catch((error: Error) => error.message);
    for (const [address, id] of ['5 x', '6 y'].map((words) => words.split(' ')))
      writeFileSync(join(directory, `10.0.0.${address}`), `${id}\n`);
    expectLines(
      [
        await answer('x'),
        await answer('d'),
        await answer('y'),
        readFileSync(join(directory, '10.0.0.6'), 'utf8'),
      ],
      [
        '10.0.0.5',
        'no IP addresses available in range set: 10.0.0.2-10.0.0.6',
        ...['10.0.0.6', 'y\n'],
      ],
    );
    event('y gives its own back: until its file is gone, nobody else may have it');
    await watch(
      (operation) => {
        const owner = ipam.owners().includes('y') ? 'y' : 'nobody';
        expectLines(
          [`before ${operation}, .6 is of ${owner}`],
          [`before ${operation}, .6 is of y`],
        );
      },
      () => ipam.release('y'),
    );
    event('somebody has removed the file of x; x gives its address back');
    rmSync(join(directory, '10.0.0.5'));
    await ipam.release('x');
    expect(await ipam.allocate('e')).toBe('10.0.0.5');
    event(
      'the directory is gone, then it cannot be written: e gets nothing; then all five can be had',
    );
    const other = temporaryDirectory();
    const second = await open(join(other, 'addresses'));
    rmSync(join(other, 'addresses'), { recursive: true });
    expect(await errorOf(second.allocate('e'))).toMatch(/^ENOENT/);
    expectLines(second.owners(), []);
    mkdirSync(join(other, 'addresses', 'last_reserved_ip'), { recursive: true });
    expect(await errorOf(second.allocate('e'))).toMatch(/^EISDIR/);
    expectLines(second.owners(), []);
    rmSync(join(other, 'addresses', 'last_reserved_ip'), { recursive: true });
    const size: string[] = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) size.push(await second.allocate(id));
    expect(new Set(size).size).toBe(SMALL_SIZE);
  },
);

lesson(
  'Killed anywhere, an address is taken or free: none is lost, and none is had by two',
  {
    invariant: 3,
    byHand: byHandIpam("await ipam.allocate('a'); await ipam.release('a')"),
    symbols: [`${IPAM}.#reserve`, `${IPAM}.release`, `${IPAM}.allocate`],
    timeoutMs: EVERYWHERE_MS,
  },
  async ({ event, figure }) => {
    event(
      'sandbox-1 has .2; sandbox-2 gets one, 1 gives its own back, 3 gets one; killed anywhere',
    );
    const places = await killEverywhere(async (operations, kill) => {
      const when = `killed after ${operations} operations`;
      const directory = temporaryDirectory();
      const before = await open(directory);
      await before.allocate('sandbox-1');
      const said = new Map([['sandbox-1', '10.0.0.2']]);
      const isWhole = await kill(async () => {
        said.set('sandbox-2', await before.allocate('sandbox-2'));
        said.delete('sandbox-1');
        await before.release('sandbox-1');
        said.set('sandbox-3', await before.allocate('sandbox-3'));
      });
      const after = await open(directory);
      for (const [id, address] of said)
        expectLines(
          [`${when}, ${id} has ${after.addressOf(id)}`],
          [`${when}, ${id} has ${address}`],
        );
      const known = ['sandbox-1', 'sandbox-2', 'sandbox-3'];
      const stranger = after.owners().find((owner) => !known.includes(owner)) ?? 'nobody';
      const torn = filesOf(directory).filter((file) => file.startsWith('.new-')).length;
      expectLines(
        [when, `who has an address and is no sandbox: ${stranger}`, `half made files: ${torn}`],
        [when, 'who has an address and is no sandbox: nobody', 'half made files: 0'],
      );
      if (isWhole) expectLines(after.owners().toSorted(), ['sandbox-2', 'sandbox-3']);
      const isFresh = (await after.allocate('sandbox-4')) !== '10.0.0.2';
      expect(`${when}, .2 comes last: ${isFresh}`).toBe(`${when}, .2 comes last: true`);
      for (const id of after.owners()) await after.release(id);
      const all = new Set<string>();
      for (let n = 0; n < SMALL_SIZE; n++) all.add(await after.allocate(`new-${n}`));
      expect(`${when}, ${all.size} can be had`).toBe(`${when}, ${SMALL_SIZE} can be had`);
    });
    figure('places', places);
  },
);

/** Files that hold their own version. The tests need not be root: all files are of who runs them. */
function payload(version: string, names: readonly string[], mode = 0o644): Payload {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const file = (name: string) => ({ data: Buffer.from(`${name} of ${version}`), mode, uid, gid });
  return new Map(names.map((name) => [name, file(name)]));
}

/** What a program sees that reads every file of the volume. */
function seen(directory: string, below = ''): string[] {
  return readdirSync(join(directory, below))
    .sort()
    .filter((name) => below !== '' || !name.startsWith('..'))
    .flatMap((name) => {
      try {
        return seen(directory, join(below, name));
      } catch {
        return textOf(join(directory, below, name));
      }
    });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'nothing';
  }
}

/** What `..data` leads to. */
const current = (directory: string): string[] =>
  readdirSync(directory).includes('..data') ? seen(directory, '..data') : ['nothing'];
/** What is at the top and is for programs. */
const namesOf = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => !name.startsWith('..'))
    .sort();
const versionsOf = (directory: string): string[] =>
  readdirSync(directory).filter((name) => /^\.\.\d{4}_/.test(name));
const textsOf = (files: Payload): string[] =>
  [...files.values()].map(({ data }) => Buffer.from(data).toString()).sort();

lesson(
  'The files of a volume are links to a link to a directory, and a set that is there is not written again',
  {
    invariant: 4,
    byHand: byHandWriter('ab', 'ab', 'bc'),
    symbols: [
      ...[`${WRITER}#writeAtomically`, `${WRITER}#replaceLink`],
      ...[`${WRITER}#linkUserPaths`, `${WRITER}#removeOtherVersions`],
    ],
  },
  async ({ event }) => {
    const directory = temporaryDirectory();
    event('.d, a, b/c and b/e are written; twice');
    const first = payload('1', ['.d', 'a', 'b/c', 'b/e']);
    const results = [await writeAtomically(directory, first, NOW_MS)];
    const link = (name: string) => `${name} → ${readlinkSync(join(directory, name))}`;
    const [version = 'no version'] = versionsOf(directory);
    expect(version).toMatch(/^\.\.2015_11_09_10_00_00\.\d+$/);
    expectLines(
      [...['.d', 'a', 'b', '..data'].map(link), ...seen(directory)],
      [
        ...['.d → ..data/.d', 'a → ..data/a', 'b → ..data/b', `..data → ${version}`],
        ...['.d of 1', 'a of 1', 'b/c of 1', 'b/e of 1'],
      ],
    );
    results.push(await writeAtomically(directory, first, NOW_MS + 1_000));
    expectLines(versionsOf(directory), [version]);
    event('.d and a go, e comes, b stays with one file less');
    const second = payload('2', ['b/c', 'e']);
    results.push(await writeAtomically(directory, second, NOW_MS + 2_000));
    expectLines(
      [...namesOf(directory), ...seen(directory), `${versionsOf(directory).length} version`],
      ['b', 'e', 'b/c of 2', 'e of 2', '1 version'],
    );
    event('the same texts with another mode are another set');
    results.push(
      await writeAtomically(directory, payload('2', ['b/c', 'e'], 0o600), NOW_MS + 3_000),
    );
    expect(results.join()).toBe('true,false,true,true');
    event('a name that leads out of the volume: nothing is written');
    const before = versionsOf(directory).join();
    expect(await errorOf(writeAtomically(directory, payload('3', ['a', '../x']), NOW_MS))).toBe(
      "invalid path: must be relative and not contain '..': ../x",
    );
    expect(versionsOf(directory).join()).toBe(before);
  },
);

lesson(
  'Whoever reads while a set is replaced reads one set, whole',
  {
    invariant: 5,
    byHand: byHandWriter('ab', 'bc'),
    symbols: [`${WRITER}#replaceLink`, `${WRITER}#writeAtomically`],
  },
  async ({ event, figure }) => {
    const directory = temporaryDirectory();
    await writeAtomically(directory, payload('1', ['a', 'b', 'c']), NOW_MS);
    event('a, b, c of 1 become b, c, d of 2; all is read before each file operation');
    let [reads, isNew] = [0, false];
    const look = (operation: string) => {
      const data = current(directory).join(', ');
      isNew ||= data !== 'a of 1, b of 1, c of 1';
      // What is new is at the top only after the link has been replaced, and what goes not before that.
      const wanted = isNew ? ['b of 2', 'c of 2', 'd of 2'] : ['a of 1', 'b of 1', 'c of 1'];
      const open = isNew ? ['b', 'c'] : ['a', 'b', 'c'];
      expectLines(
        [
          `before ${operation}, ..data has ${data}`,
          ...open.map((name) => textOf(join(directory, name))),
        ],
        [`before ${operation}, ..data has ${wanted.join(', ')}`, ...wanted.slice(0, open.length)],
      );
      reads += 1;
    };
    await watch(look, () =>
      writeAtomically(directory, payload('2', ['b', 'c', 'd']), NOW_MS + 1_000),
    );
    look('the end');
    expect(isNew).toBe(true);
    figure('reads', reads);
  },
);

lesson(
  'Killed anywhere, a volume has one set, whole; and the next write brings everything in order',
  {
    invariant: 6,
    byHand: byHandWriter('ab', 'bc'),
    symbols: [
      ...[`${WRITER}#writeAtomically`, `${WRITER}#linkUserPaths`],
      ...[`${WRITER}#replaceLink`, `${WRITER}#removeOtherVersions`],
    ],
    timeoutMs: EVERYWHERE_MS,
  },
  async ({ event, figure }) => {
    const [first, second] = [payload('1', ['a', 'b/c']), payload('2', ['b/c', 'd/e'])];
    event('a and b/c of 1 become b/c and d/e of 2; killed anywhere, and then written again');
    const places = await killEverywhere(async (operations, kill) => {
      const when = `killed after ${operations} operations`;
      const directory = temporaryDirectory();
      await writeAtomically(directory, first, NOW_MS);
      await kill(() => writeAtomically(directory, second, NOW_MS + 1_000));
      const left = current(directory);
      const isNew = left.join() === textsOf(second).join();
      expectLines([when, ...left], [when, ...textsOf(isNew ? second : first)]);
      const wrote = await writeAtomically(directory, second, NOW_MS + 2_000);
      const versions = versionsOf(directory);
      const isOnly = versions.join() === readlinkSync(join(directory, '..data'));
      expectLines(
        [
          `${when}, then written again: ${wrote}`,
          ...[...namesOf(directory), ...seen(directory), `only the current version: ${isOnly}`],
        ],
        [
          `${when}, then written again: ${!isNew}`,
          ...['b', 'd', ...textsOf(second), 'only the current version: true'],
        ],
      );
    });
    figure('places', places);
  },
);

lesson(
  'In 300 random lives nobody has the address of another, and nobody loses his own',
  {
    invariant: 3,
    byHand: byHandIpam(
      "console.log(await Promise.all([...'abcde'].map((id) => ipam.allocate(id))))",
    ),
    symbols: [`${IPAM}.allocate`, `${IPAM}.release`, `${IPAM}.#nextFree`],
  },
  async ({ event, figure }) => {
    event(`sandboxes come and go, kubelets are started again, seed ${SEED}`);
    const random = randomOf(SEED);
    const directory = temporaryDirectory();
    let ipam = await open(directory);
    const owners = new Map<string, string>();
    let taken = 0;
    for (let move = 0; move < 300; move++) {
      const id = `sandbox-${random(8)}`;
      const kind = random(8);
      if (kind === 0) ipam = await open(directory);
      else if (kind <= 3) {
        await ipam.release(id);
        owners.delete(id);
      } else if (owners.has(id) || owners.size < SMALL_SIZE) {
        const address = await ipam.allocate(id);
        const known = owners.get(id);
        if (known !== undefined) expect(`${id}: ${address}`).toBe(`${id}: ${known}`);
        else expect(`${address} of ${[...owners.values()].join()}`).not.toMatch(`of .*${address}`);
        owners.set(id, address);
        taken += 1;
      } else expect(await errorOf(ipam.allocate(id))).toMatch('no IP addresses available');
      const held = [...owners].map(([owner, address]) => `${address}: ${owner}`);
      expectLines(
        filesOf(directory).filter((file) => !file.startsWith('last')),
        held.sort(),
      );
    }
    figure('taken', taken);
  },
);
