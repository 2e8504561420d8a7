import { expect, test } from 'vitest';
import { Checkpoints } from '#src/checkpoints.ts';

/** A snapshot that ends when the test says so, and how often the log was told to look. */
function underTest() {
  const ends: { resolve(): void; reject(error: unknown): void }[] = [];
  const counts = { woken: 0 };
  const checkpoints = new Checkpoints(
    () => new Promise<void>((resolve, reject) => void ends.push({ resolve, reject })),
    () => {
      counts.woken++;
    },
  );
  return { checkpoints, ends, counts };
}

test('a snapshot answers all who asked before it began, and none who asked after', async () => {
  const { checkpoints, ends, counts } = underTest();
  const answered: string[] = [];
  const ask = (name: string) => checkpoints.ask().then(() => answered.push(name));
  const [first, second] = [ask('first'), ask('second')];
  expect(counts.woken).toBe(2);
  checkpoints.begin(2);
  expect(checkpoints.isAsked).toBe(false);
  const late = ask('late');
  ends[0]?.resolve();
  await Promise.all([first, second, checkpoints.running]);
  expect(answered).toEqual(['first', 'second']);
  expect(counts.woken, 'the log looks again for the one who is left').toBe(4);
  checkpoints.begin(3);
  ends[1]?.resolve();
  await late;
  expect(answered).toEqual(['first', 'second', 'late']);
});

test('a snapshot that fails is told to those who asked for it, and to nobody else', async () => {
  const { checkpoints, ends } = underTest();
  const asked = checkpoints.ask();
  checkpoints.begin(2);
  ends[0]?.reject(new Error('the disk is full'));
  await expect(checkpoints.running).resolves.toBeUndefined();
  await expect(asked).rejects.toThrow('the disk is full');
  expect(checkpoints.running).toBeUndefined();
});

test('refuse() answers those who wait, but not those whose snapshot is being written', async () => {
  const { checkpoints, ends } = underTest();
  const written = checkpoints.ask();
  checkpoints.begin(2);
  const waiting = checkpoints.ask();
  checkpoints.refuse(new Error('no new segment'));
  await expect(waiting).rejects.toThrow('no new segment');
  ends[0]?.resolve();
  await expect(written).resolves.toBeUndefined();
});
