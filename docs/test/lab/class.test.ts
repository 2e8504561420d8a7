// A class on loopback, with the teacher's own server: nothing travels before `join`, and little after it.
import { expect, test } from 'vitest';
import { newClassroom, startClassServer } from '../../src/teach/class-server.ts';
import { Learner } from './support/learner.ts';

test('join, check, raise a hand, leave: the board knows name, step, failing tests, and no more', async () => {
  await using learner = new Learner();
  const saved: string[] = [];
  const room = newClassroom();
  await using server = await startClassServer({
    room,
    plan: [{ key: '01-tiny/1-count', title: 'Counting', minutes: 5 }],
    host: '127.0.0.1',
    port: 0,
    save: async (next) => void saved.push(JSON.stringify(next)),
  });
  const url = `http://127.0.0.1:${server.port}`;
  await learner.lab('start');
  await learner.lab('check');
  expect(server.room.learners).toEqual([]);

  const alone = await learner.lab('ask');
  expect(alone).toMatchObject({ code: 1 });
  expect(alone.stderr).toContain('You are in no class');
  const wrong = await learner.lab('join', url, 'WRONG1', '--name', 'Ada');
  expect(wrong.code).toBe(1);
  expect((await learner.lab('join', url, room.code, '--name', 'Ada')).code).toBe(0);
  expect(server.room.learners).toMatchObject([{ name: 'Ada', step: '01-tiny/1-count' }]);

  await learner.lab('check');
  expect(server.room.learners).toMatchObject([{ failing: ['1-count/1'] }]);
  expect((await learner.lab('ask')).stdout).toContain('Your hand is up');
  expect(server.room.learners[0]?.handUpAtMs).toBeTypeOf('number');

  learner.solve('src/counter.ts');
  expect((await learner.lab('check')).code).toBe(0);
  expect(server.room.learners[0]?.handUpAtMs).toBeUndefined();
  await learner.lab('next');
  expect(server.room.learners).toMatchObject([{ step: '01-tiny/2-history', failing: [] }]);

  expect((await learner.lab('leave')).code).toBe(0);
  expect(server.room.learners).toEqual([]);
  await learner.lab('check');
  expect(server.room.learners).toEqual([]);
  expect(saved.join('\n')).not.toMatch(/Counter|work\//);
});

test('a class that does not answer holds up nothing', async () => {
  await using learner = new Learner();
  const room = newClassroom();
  const server = await startClassServer({ room, plan: [], host: '127.0.0.1', port: 0 });
  await learner.lab('start');
  learner.solve('src/counter.ts');
  const url = `http://127.0.0.1:${server.port}`;
  await learner.lab('join', url, room.code, '--name', 'Ada');
  await server[Symbol.asyncDispose]();
  const { code, stdout, stderr } = await learner.lab('check');
  expect(code).toBe(0);
  expect(stdout).toContain('3 passed');
  expect(stderr).toContain('does not answer');
  const nobody = await learner.lab('ask');
  expect(nobody.code).toBe(2);
  expect((await learner.lab('leave')).code).toBe(0);
  expect((await learner.lab('join', url, 'X', '--name', 'Ada')).code).toBe(2);
});
