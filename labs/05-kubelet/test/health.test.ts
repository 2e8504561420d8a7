// A kubelet whose engine does not answer any more says so at /healthz; when it answers again, it is well again.

import { existsSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeRuntime } from './fake-runtime.ts';
import { JumpClock, Lab } from './lab.ts';

const clock = new JumpClock();
const runtime = new FakeRuntime(() => clock.now());
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 239, deps: { clock, runtime: () => runtime } });
  // This runtime has a network from the first moment on; the node's own comes a little later.
  const directory = join(lab.rootDirectory, 'network', lab.bridge);
  await lab.until('the bridge is there', async () => existsSync(directory));
});
afterAll(() => lab[Symbol.asyncDispose]());

function health(path: string): Promise<string> {
  const { ca, cert, key } = lab.tls;
  const target = { host: '127.0.0.1', port: lab.kubelet.port, path, agent: false };
  return new Promise((resolve, reject) => {
    request({ ...target, ca, cert, key }, async (response) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      resolve(`${response.statusCode} ${body}`);
    })
      .on('error', reject)
      .end();
  });
}

test('the sync loop fails two minutes after the last look at the engine that came to its end', async () => {
  expect(await health('/healthz')).toBe('200 ok');
  runtime.failNext('listPods');
  // The minute passes, and the look fails; then another, without one.
  clock.jump(61_000);
  await lab.until('it has looked', async () => (await health('/healthz')) === '200 ok');
  runtime.failNext('listPods');
  clock.jump(60_001);
  expect(await health('/healthz/syncloop')).toContain('500');
  expect(await health('/healthz')).toContain('[-]syncloop failed: reason withheld');
  expect(await health('/healthz/ping')).toBe('200 ok');
  await lab.until('it is well again', async () => {
    clock.jump(60_000);
    return (await health('/healthz')) === '200 ok';
  });
});
