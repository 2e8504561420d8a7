// A class over real sockets: learners with the client, the board as a page in Chromium, and people who send nonsense.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { joinClass, leaveClass, raiseHand, sendProgress } from '../../src/teach/class-client.ts';
import { ClassFile, readClass } from '../../src/teach/class-file.ts';
import { type ClassServer, newClassroom, startClassServer } from '../../src/teach/class-server.ts';
import type { Board } from '../../src/teach/classroom.ts';
import { launchBrowser, NETWORK_CHANGED } from '../site/support/browser.ts';

const FIRST = '01-store/1-revisions';
const plan = [{ key: FIRST, title: 'Revisions and history', minutes: 40 }];

// By itself a learner waits two seconds for the class, which here is in the same process.
vi.stubEnv('KUBE_LABS_PATIENCE', '12');

let server: ClassServer;
let folder: string;
let nowMs: number;
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kube-labs-class-'));
  nowMs = Date.UTC(2030, 0, 1);
  server = await open(newClassroom());
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function open(room: ClassServer['room']): Promise<ClassServer> {
  const file = new ClassFile(join(folder, 'class.json'));
  const opened = await startClassServer({
    room,
    plan,
    host: '127.0.0.1',
    port: 0,
    now: () => nowMs,
    save: (next) => file.write(next),
  });
  url = `http://127.0.0.1:${opened.port}`;
  return opened;
}

const boardUrl = () => `${url}/board/${server.room.boardKey}`;
const board = async () => (await (await fetch(`${boardUrl()}/board.json`)).json()) as Board;
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );

test('a learner joins, reports, raises a hand and leaves', async () => {
  const ada = await joinClass(url, server.room.code.toLowerCase(), 'Ada');
  await sendProgress(ada, { step: FIRST, passed: false, failing: ['1-revisions/3'] });
  await raiseHand(ada, true);
  nowMs += 20 * 60_000;
  expect((await board()).rows).toMatchObject([
    { name: 'Ada', step: FIRST, state: 'working', failing: ['1-revisions/3'], handUpMinutes: 20 },
  ]);
  await raiseHand(ada, false);
  await sendProgress(ada, { step: FIRST, passed: true, failing: [] });
  expect((await board()).steps).toMatchObject([{ passed: 1, medianMinutes: 20 }]);
  await leaveClass(ada);
  expect((await board()).rows).toEqual([]);
  expect(await reasonOf(sendProgress(ada, { step: FIRST, passed: true, failing: [] }))).toBe(
    'This class does not know you: join again with the code',
  );
});

test('a class that is closed and opened again knows everybody, and their tokens', async () => {
  const ada = await joinClass(url, server.room.code, 'Ada');
  await sendProgress(ada, { step: FIRST, passed: false, failing: [] });
  const { code } = server.room;
  await server[Symbol.asyncDispose]();
  const kept = await readClass(join(folder, 'class.json'));
  if (kept === undefined) throw new Error('the class was not kept');
  server = await open(kept);
  expect(server.room.code).toBe(code);
  await sendProgress({ ...ada, url }, { step: FIRST, passed: true, failing: [] });
  expect((await board()).rows).toMatchObject([{ name: 'Ada', state: 'passed' }]);
});

test('the file of a class holds no token, and a damaged one is refused, not replaced', async () => {
  const ada = await joinClass(url, server.room.code, 'Ada');
  await server[Symbol.asyncDispose]();
  const path = join(folder, 'class.json');
  expect(await readFile(path, 'utf8')).not.toContain(ada.token);
  await writeFile(path, '{"code":"ABC234"');
  expect(await reasonOf(readClass(path))).toBe(
    `Cannot read the class of ${path}: it is damaged; move it away to begin a new one`,
  );
  server = await open(newClassroom());
});

test('a wrong code is refused, and after too many the right one too, for a minute', async () => {
  for (let i = 0; i < 20; i++) {
    expect(await reasonOf(joinClass(url, 'WRONG', 'Eve'))).toContain('not the code of this class');
  }
  expect(await reasonOf(joinClass(url, server.room.code, 'Eve'))).toContain('wait a minute');
  nowMs += 60_000;
  expect((await joinClass(url, server.room.code, 'Eve')).name).toBe('Eve');
});

test('nobody sees the board without its key, or speaks for somebody without a token', async () => {
  expect((await fetch(`${url}/board/guess`)).status).toBe(404);
  expect((await fetch(`${url}/board/guess/board.json`)).status).toBe(404);
  const forged = { url, id: 'x', token: 'x', name: 'x' };
  expect(await reasonOf(raiseHand(forged, true))).toContain('does not know you');
});

describe('bad input', () => {
  const post = (path: string, body: string | Buffer) =>
    fetch(`${url}${path}`, { method: 'POST', body: new Uint8Array(Buffer.from(body)) });

  test.each([
    { name: 'no JSON', path: '/v1/join', body: 'code=1', status: 400 },
    { name: 'a list', path: '/v1/join', body: 'null', status: 400 },
    {
      name: 'bytes that are not UTF-8',
      path: '/v1/join',
      body: Buffer.of(0xff, 0xfe),
      status: 400,
    },
    { name: 'too much', path: '/v1/join', body: ' '.repeat(20_000), status: 413 },
    { name: 'an unknown verb', path: '/v1/shout', body: '{}', status: 401 },
    { name: 'a hostile path', path: '/v1/../../etc/passwd', body: '{}', status: 404 },
  ])('$name is answered $status with a sentence', async ({ path, body, status }) => {
    const response = await post(path, body);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { message: string }).message).toMatch(/^[A-Z].{10,}/);
  });
});

test('joining where nobody answers says so, and an address that is none too', async () => {
  const { port } = server;
  await server[Symbol.asyncDispose]();
  expect(await reasonOf(joinClass(`127.0.0.1:${port}`, 'X', 'Ada'))).toContain('does not answer');
  expect(await reasonOf(joinClass('http://', 'X', 'Ada'))).toContain('a class has an address like');
  server = await open(newClassroom());
});

test('a port that is in use is refused with a way out', async () => {
  const options = { room: newClassroom(), plan, host: '127.0.0.1', port: server.port };
  expect(await reasonOf(startClassServer(options))).toBe(
    `Cannot open the class on 127.0.0.1:${server.port}: the port is in use; choose another with --port`,
  );
});

test('the board page shows at once what happens, as text whatever the name is', async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !text.includes(NETWORK_CHANGED)) errors.push(text);
    });
    await vi.waitFor(() => page.goto(boardUrl()));
    await page.getByText('Nobody has joined yet').waitFor();
    const mallory = await joinClass(url, server.room.code, '<img src=x onerror=alert(1)>');
    await sendProgress(mallory, { step: FIRST, passed: false, failing: ['1-revisions/3'] });
    await raiseHand(mallory, true);
    await page.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
    await page.getByText('1-revisions/3 fails for 1').waitFor();
    await page.getByRole('button', { name: 'up 0 min' }).click();
    await page.getByRole('button', { name: 'up 0 min' }).waitFor({ state: 'detached' });
    expect((await board()).rows[0]?.handUpMinutes).toBeUndefined();
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
  }
});
