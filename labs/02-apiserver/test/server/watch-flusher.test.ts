// What comes for a watcher in a rush leaves in one write: each costs a record of TLS and a call of the kernel.
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WatchFlusher } from '#src/server/watch-flusher.ts';

const server = createServer();

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** A response whose head has left, with what is called when its connection writes, and what the client has got so far. */
async function watcher() {
  const { port } = server.address() as AddressInfo;
  const asked = once(server, 'request');
  const answered = once(get({ port, host: '127.0.0.1' }), 'response');
  const [, response] = (await asked) as [unknown, ServerResponse];
  response.writeHead(200);
  response.flushHeaders();
  const [answer] = await answered;
  let got = '';
  answer.setEncoding('utf8').on('data', (text: string) => {
    got += text;
  });
  const { socket } = response;
  if (socket === null) throw new Error('the connection is gone');
  const writes = [vi.spyOn(socket, '_write'), vi.spyOn(socket, '_writev')];
  const calls = () => writes.reduce((sum, write) => sum + write.mock.calls.length, 0);
  return { response, calls, got: () => got };
}

test('one event is one write, and so are several in a round, for each watcher', async () => {
  const flusher = new WatchFlusher();
  const watchers = [await watcher(), await watcher()];
  for (const { response } of watchers) flusher.write(response, Buffer.from('one\n'));
  for (const { got } of watchers) await expect.poll(got).toBe('one\n');
  expect(watchers.map(({ calls }) => calls())).toEqual([1, 1]);
  for (const { response } of watchers) {
    for (const text of ['two\n', 'three\n']) flusher.write(response, Buffer.from(text));
  }
  for (const { got } of watchers) await expect.poll(got).toBe('one\ntwo\nthree\n');
  expect(watchers.map(({ calls }) => calls())).toEqual([2, 2]);
});

test('flush() does not wait for the round', async () => {
  const flusher = new WatchFlusher();
  const { response, calls } = await watcher();
  flusher.write(response, Buffer.from('one\n'));
  expect(calls()).toBe(0);
  flusher.flush(response);
  expect(calls()).toBe(1);
  response.end();
});
