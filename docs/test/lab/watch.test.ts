// `check --watch`: again on every save, on one vitest that stays; Ctrl-C ends it with the exit code of the last check.
import { expect, test } from 'vitest';
import { processorTimeOf } from '../../src/check/processor-time.ts';
import { Learner } from './support/learner.ts';

test('reruns on save, and the second run is quick; Ctrl-C ends with the last exit code', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts');
  const watching = learner.start(['check', '--watch']);
  // What the command has had of the processors: whatever else the machine does at one time and not at another is no part of it.
  const spentMs = () => processorTimeOf(watching.pid ?? 0)?.cpuMs ?? performance.now();
  await watching.until(/3 passed[\s\S]*waiting for you to save/);
  const firstMs = spentMs();

  const times: number[] = [];
  const save = async (change: () => void, pattern: RegExp) => {
    const offset = watching.stdout.length;
    const before = spentMs();
    change();
    await watching.until(pattern, offset);
    times.push(spentMs() - before);
  };
  const right = learner.read('src/counter.ts');
  for (let round = 0; round < 3; round++) {
    await save(
      () => learner.write('src/counter.ts', right.replace('value * 2', `value * ${3 + round}`)),
      /1 failed[\s\S]*waiting/,
    );
    await save(() => learner.write('src/counter.ts', right), /3 passed[\s\S]*waiting/);
  }
  // An editor's swap file, and a save without a change: no new run, so what comes next is the answer to the next real change.
  learner.write('src/.counter.ts.swp', 'swap');
  learner.write('src/counter.ts', right);
  await save(
    () => learner.write('src/counter.ts', right.replace('value * 2', 'value + ')),
    /no TypeScript[\s\S]*waiting/,
  );
  console.log(`first: ${firstMs} ms; from save to result: ${times.join(', ')} ms of a processor`);
  // Half of them took less than the first, which had all to load.
  const [median = Infinity] = times.sort((a, b) => a - b).slice(times.length / 2);
  expect(median).toBeLessThan(firstMs);

  watching.signal('SIGINT');
  expect(await watching.ended).toMatchObject({ code: 1, stderr: '' });
});

test('a save in the middle of an endless loop ends it and starts anew', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts');
  const right = learner.read('src/counter.ts');
  learner.edit('src/counter.ts', (text) =>
    text.replace('if (!Number', 'for (;;);\n    if (!Number'),
  );
  const watching = learner.start(['check', '--watch', '--json']);
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).not.toEqual([]);
  learner.write('src/counter.ts', right);
  await watching.until(/"exitCode":0/);
  expect(watching.stdout).not.toContain('"exitCode":1');
  watching.signal('SIGINT');
  expect(await watching.ended).toMatchObject({ code: 0, stderr: '' });
});

test('a save while an earlier step hangs ends that, and the current step is told first again', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts', 'src/history.ts', 'src/gate.ts');
  const right = learner.read('src/counter.ts');
  learner.edit('src/counter.ts', (text) =>
    text.replace('if (!Number', 'if (amount === 3) for (;;);\n    if (!Number'),
  );
  const watching = learner.start(['check', '3', '--watch']);
  await watching.until(/✓ step 3 · Waiting: 1 test passed after/);
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).not.toEqual([]);
  const offset = watching.stdout.length;
  learner.write('src/counter.ts', right);
  const said = await watching.until(/waiting for you to save/, offset);
  expect(said).toMatch(/✓ step 3 · Waiting: 1 test passed after[\s\S]*\n5 passed\n/);
  expect(watching.stdout).not.toContain('failed');
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).toEqual([]);
  watching.signal('SIGINT');
  expect(await watching.ended).toMatchObject({ code: 0, stderr: '' });
});

test('Ctrl-C in the middle of a plain check ends it at once', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts');
  learner.edit('src/counter.ts', (text) =>
    text.replace('if (!Number', 'for (;;);\n    if (!Number'),
  );
  const checking = learner.start(['check']);
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).not.toEqual([]);
  checking.signal('SIGINT');
  expect(await checking.ended).toMatchObject({ code: 130, stdout: '' });
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).toEqual([]);
});

test('when the command itself is killed, no endless loop stays behind', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts');
  learner.edit('src/counter.ts', (text) =>
    text.replace('if (!Number', 'for (;;);\n    if (!Number'),
  );
  const checking = learner.start(['check']);
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).not.toEqual([]);
  checking.signal('SIGKILL');
  await checking.ended;
  await expect.poll(() => learner.workers(), { timeout: 60_000 }).toEqual([]);
});
