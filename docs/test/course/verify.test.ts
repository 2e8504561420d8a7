import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { loadLab } from '../../src/course/load-lab.ts';
import { cacheFolder } from '../../src/course/repository.ts';
import { overlaysOf } from '../../src/course/verify/overlay.ts';
import { holds, type Proof, type VerifyOptions } from '../../src/course/verify/proof.ts';
import { reportText } from '../../src/course/verify/report.ts';
import { verifyLab } from '../../src/course/verify/verify-lab.ts';
import { spoiledLab } from './support/fixtures.ts';

// Each test proves a whole lab, with dozens of processes: seconds on a free machine, minutes on a busy one.
vi.setConfig({ testTimeout: 600_000 });

type Changes = Parameters<typeof spoiledLab>[0];

const prove = (folder: string, options: VerifyOptions = {}) =>
  verifyLab(loadLab(folder, { files: false }), { cache: false, ...options });

/** The proofs that do not hold: name → what is wrong. */
async function redOf(changes: Changes, options?: VerifyOptions): Promise<Record<string, string>> {
  const { proofs, exitCode } = await prove(spoiledLab(changes), options);
  const red = proofs.filter((proof) => !holds(proof));
  expect(exitCode).toBe(red.length === 0 ? 0 : 3);
  return Object.fromEntries(
    red.map(({ name, complaints }) => [name, complaints.map(({ what }) => what).join('\n')]),
  );
}

const overlay = {
  'wrong/last-only/overlay.yaml':
    'step: 1\ntitle: Only the last counts\nabout: People write the value where the sum belongs.\n',
  'wrong/last-only/src/counter.ts': readFileSync(
    join(import.meta.dirname, 'fixtures/tiny-lab/src/counter.ts'),
    'utf8',
  ).replace('this.#total += count', 'this.#total = count'),
};

describe('verifyLab()', () => {
  test('a lab that is right holds in every proof, and nothing is left behind', async () => {
    const report = await prove(spoiledLab());
    expect(report.proofs.filter((proof) => !holds(proof))).toEqual([]);
    expect(report.exitCode).toBe(0);
    expect(report.proofs.map(({ name, says }) => `${name}: ${says}`)).toEqual([
      'types prefix 0: passes the strict type check',
      'types prefix 1: passes the strict type check',
      'types prefix 2: passes the strict type check',
      'types prefix 3: passes the strict type check',
      'prefix 0: those of step 1 do not',
      'prefix 1: tests of step 1 pass, those of step 2 do not',
      'prefix 2: tests of steps 1–2 pass, those of step 3 do not',
      'prefix 3: tests of steps 1–3 pass',
      'symbol src/counter.ts#Counter.add: missed by 1-count/2',
      'symbol src/counter.ts#Counter.get total: missed by 1-count/1',
      'symbol src/history.ts#latest: missed by 2-history/2',
      'symbol src/history.ts#History.push: missed by 2-history/1',
      'symbol src/report.ts#formats.short: missed by 3-report/1',
      'symbol src/report.ts#lines: missed by 3-report/2',
      'symbol src/report.ts#notify: missed by 3-report/3',
      'last prefix: 3 files, the reference byte for byte',
      'lesson 1-count: 1 invariant, 2 tasks',
      'lesson 2-history: 2 invariants, 2 tasks',
      'lesson 3-report: 2 invariants, 3 tasks',
    ]);
    const left = readdirSync(cacheFolder).filter((name) =>
      name.startsWith(`verify-${process.pid}`),
    );
    expect(left).toEqual([]);
  });

  test('a test that passes before its step is written is found', async () => {
    const red = await redOf({
      'test/steps/2-history.test.ts': `
        import { lesson } from '@kube-labs/docs/lesson';
        import { expect } from 'vitest';
        import { History } from '#src/history.ts';
        const about = { invariant: 1, byHand: 'history', symbols: ['src/history.ts#History.push'] };
        lesson('a history begins empty', about, () => expect(new History().values).toEqual([]));
      `,
    });
    expect(red).toEqual({
      'prefix 1': 'every test of step 2-history (1) passes before it is written',
      'symbol src/history.ts#latest':
        'without latest every test of step 2-history (1) still passes',
      'symbol src/history.ts#History.push':
        'without History.push every test of step 2-history (1) still passes',
    });
  });

  test('a symbol that no test misses is found', async () => {
    const red = await redOf(
      {
        'test/steps/3-report.test.ts': [
          'expect(heard).toEqual([2, 4]);',
          'expect(heard.length).toBeLessThan(3);',
        ],
      },
      { steps: [3] },
    );
    expect(red).toEqual({
      'symbol src/report.ts#notify': 'without notify every test of step 3-report (3) still passes',
    });
  });

  test('a test that needs what only a later step writes is found, with the symbol', async () => {
    const folder = spoiledLab({
      'test/steps/1-count.test.ts': [
        "import { Counter } from '#src/counter.ts';",
        `import { Counter } from '#src/counter.ts';
        import { formats } from '#src/report.ts';
        const about = { invariant: 1, byHand: 'seq 2', symbols: ['src/counter.ts#Counter.add'] };
        lesson('a count can be told', about, () => {
          expect(formats.short(new Counter().total)).toBe('0 things');
        });`,
      ],
    });
    const { proofs } = await prove(folder, { steps: [1] });
    const red = proofs.filter((proof) => !holds(proof) && proof.kind === 'prefix');
    expect(red.map(({ name }) => name)).toEqual(['prefix 1', 'prefix 2']);
    expect(red[0]?.complaints).toEqual([
      {
        what: 'step 1-count: "a count can be told" reaches a stub',
        todo: 'give it to this step or an earlier one, or a `stub:` that it can call: src/report.ts#formats.short of step 3-report',
      },
    ]);
  });

  test('a stub that code outside of any function reaches is found', async () => {
    const red = await redOf(
      {
        'src/report.ts': [
          'export const heard',
          'export const one = formats.short(1);\nexport const heard',
        ],
      },
      { steps: [1] },
    );
    expect(red['prefix 0']).toMatch(
      /the tests of step 1-count cannot even be loaded: .*formats\.short/,
    );
  });

  test('a prefix that does not pass the type check is found', async () => {
    const red = await redOf({ 'lab.yaml': ['until: 2', 'until: 3'] }, { steps: [1] });
    expect(red['types prefix 2']).toMatch(
      /^src\/history\.ts:\d+: TS2304: Cannot find name 'newestFirst'/,
    );
  });

  const slow: Changes = {
    'test/steps/1-count.test.ts': [
      "import { Counter } from '#src/counter.ts';",
      `import { existsSync, writeFileSync } from 'node:fs';
      import { join } from 'node:path';
      import { Counter } from '#src/counter.ts';
      const about = { invariant: 1, byHand: 'sleep 1', symbols: ['src/counter.ts#Counter.add'] };
      lesson('slow the first time', { ...about, timeoutMs: 1_000 }, async ({ signal }) => {
        new Counter().add(1);
        const marker = join(process.env.KUBE_LABS_SRC ?? '', 'marker');
        if (existsSync(marker)) return;
        writeFileSync(marker, '');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      });`,
    ],
  };

  test('a test that only ran out of time has a second chance', async () => {
    expect(await redOf(slow, { steps: [1] })).toEqual({});
  });

  test('so has one of an overlay, before the one that finds the mistake', async () => {
    const folder = spoiledLab({ ...slow, ...overlay });
    await prove(folder, { steps: [1], update: true });
    const printed = readFileSync(join(folder, 'wrong/last-only/expected.txt'), 'utf8');
    expect(printed).toContain('✓ slow the first time');
    expect(printed).toContain('✗ ');
  });

  test('an overlay that the reference has left behind is found', async () => {
    const lines = Array.from({ length: 61 }, (_, i) => `// ${i}\n`).join('');
    const changes = {
      ...overlay,
      'wrong/last-only/src/counter.ts': `${lines}${overlay['wrong/last-only/src/counter.ts']}`,
    };
    const red = await redOf(changes, { steps: [1] });
    expect(red['wrong last-only']).toMatch(/^last-only differs from the reference in 62 lines/);
  });

  test('an overlay may replace one body, and so follows the reference', async () => {
    const yaml = `step: 1
title: Only the last counts
about: People write the value where the sum belongs.
replace:
  - symbol: src/counter.ts#Counter.add
    body: |
      this.#total = count;
      notify(this.#total);
`;
    const folder = spoiledLab({ 'wrong/last-only/overlay.yaml': yaml });
    const [found] = overlaysOf(loadLab(folder));
    expect(found?.ownLines).toBe(1);
    expect(found?.files.get('src/counter.ts')).toContain(
      'add(count: number): void {\n    this.#total = count;\n    notify(this.#total);\n  }\n',
    );
    const gone = yaml.replace('#Counter.add', '#Counter.plus');
    const broken = loadLab(spoiledLab({ 'wrong/last-only/overlay.yaml': gone }));
    expect(() => overlaysOf(broken)).toThrow(/overlay\.yaml:5:5: there is no Counter\.plus/);
  });

  test('an overlay must be wrong, and print what is stored beside it', async () => {
    const folder = spoiledLab(overlay);
    const only = { steps: [1] };
    const complaintOf = async (options: VerifyOptions) =>
      (await prove(folder, options)).proofs.find(({ name }) => name === 'wrong last-only')
        ?.complaints[0]?.what;
    expect(await complaintOf(only)).toBe('there is no expected.txt');
    expect(await complaintOf({ ...only, update: true })).toBeUndefined();
    expect(await complaintOf(only)).toBeUndefined();

    const file = join(folder, 'wrong/last-only/expected.txt');
    const printed = readFileSync(file, 'utf8');
    expect(printed).toContain('✗ a counter is the sum of what was added');
    expect(printed).toContain('work/tiny-lab/src/counter.ts');
    writeFileSync(file, printed.replace('a counter is the sum', 'a counter is some'));
    expect(await complaintOf(only)).toMatch(
      /^expected\.txt, line \d+: expected ".*a counter is some.*", printed ".*a counter is the sum/,
    );

    writeFileSync(
      join(folder, 'wrong/last-only/src/counter.ts'),
      overlay['wrong/last-only/src/counter.ts'].replace(
        'this.#total = count',
        'this.#total = this.#total + count',
      ),
    );
    expect(await complaintOf({ ...only, update: true })).toMatch(
      /^last-only: lab check ends with 0/,
    );
    expect(readFileSync(file, 'utf8')).toContain('a counter is some');
  });

  test('what held is remembered until one of its files changes', async () => {
    const folder = spoiledLab();
    const remembered = async () =>
      (await prove(folder, { cache: true })).proofs
        .filter((proof) => proof.remembered)
        .map(({ name }) => name);
    expect(await remembered()).toEqual([]);
    expect(await remembered()).toHaveLength(15); // All but the last prefix and the lessons.
    const file = join(folder, 'test/steps/2-history.test.ts');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n// Changed.\n`);
    expect((await remembered()).filter((name) => !name.startsWith('types'))).toEqual([
      'prefix 0',
      'symbol src/counter.ts#Counter.add',
      'symbol src/counter.ts#Counter.get total',
      'symbol src/report.ts#formats.short',
      'symbol src/report.ts#lines',
      'symbol src/report.ts#notify',
    ]);
  });

  test('a proof that was interrupted says so and cleans up', async () => {
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('interrupted'));
    await expect(prove(spoiledLab(), { signal: stop.signal, onProgress })).rejects.toThrow(
      'interrupted',
    );
    const left = readdirSync(cacheFolder).filter((name) =>
      name.startsWith(`verify-${process.pid}`),
    );
    expect(left).toEqual([]);
  });
});

test('files that are not there are named, and the other steps are proven all the same', async () => {
  const folder = spoiledLab();
  for (const file of ['test/steps/3-report.test.ts', 'steps/3-report/hints.md'])
    rmSync(join(folder, file));
  const { proofs } = await prove(folder);
  const red = proofs.filter((proof) => !holds(proof));
  expect(red.map(({ name }) => name)).toEqual(['lesson 3-report']);
  expect(red[0]?.complaints.map(({ what }) => what)).toEqual([
    'there is no test/steps/3-report.test.ts',
    'there is no steps/3-report/hints.md',
  ]);
});

test('reportText() has a line for each proof, and what to do about the red ones', () => {
  const proof: Omit<Proof, 'name'> = {
    kind: 'types',
    says: 'passes',
    complaints: [],
    remembered: true,
  };
  const red = { what: 'without a all tests pass', todo: 'test it' };
  const proofs = [
    { ...proof, name: 'types prefix 0' },
    { ...proof, name: 'symbol a', kind: 'symbol', complaints: [red], remembered: false } as const,
  ];
  expect(reportText({ lab: '01-store', proofs, durationMs: 1234, exitCode: 3 })).toBe(
    [
      'Lab 01-store',
      '  ✓ types prefix 0  passes (as before)',
      '  ✗ symbol a',
      '      without a all tests pass',
      '        → test it',
      '2 proofs, 1 remembered, 1 does not hold, 1.2 s',
      '',
    ].join('\n'),
  );
});
