// The site on 127.0.0.1, and what makes it build again.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { BuiltSite } from '../../src/site/build.ts';
import { serveSite } from '../../src/site/serve.ts';
import { watchSources } from '../../src/site/watch.ts';
import { Repository } from './support/fixture.ts';

const siteOf = (text: string): BuiltSite => ({
  files: new Map([
    ['index.html', `<p>${text}</p>`],
    ['zh/index.html', '<p>你好</p>'],
    ['assets/site.js', 'let a;'],
  ]),
  pageCount: 2,
  externalLinks: new Map(),
});

/** The status of a request that says it is for another host. */
async function statusFor(url: string, host: string): Promise<number | undefined> {
  const call = request(url, { headers: { host } });
  call.end();
  const [response] = await once(call, 'response');
  response.resume();
  return response.statusCode;
}

describe('serveSite()', () => {
  test('serves pages with their types, and a page for a folder', async () => {
    await using server = await serveSite(siteOf('hello'), { port: 0 });
    const page = await fetch(server.url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('<p>hello</p>');
    const folder = await fetch(`${server.url}zh`);
    expect(folder.url).toBe(`${server.url}zh/`);
    expect(await folder.text()).toContain('你好');
    const script = await fetch(`${server.url}assets/site.js`);
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await script.text()).toBe('let a;');
  });

  test('answers 404 for what is not there, and 403 to another name', async () => {
    await using server = await serveSite(siteOf('hello'), { port: 0 });
    expect((await fetch(`${server.url}../../etc/passwd`)).status).toBe(404);
    expect((await fetch(`${server.url}%E0%A4%A`)).status).toBe(200); // No path at all: the first page.
    expect(await statusFor(server.url, 'evil.example')).toBe(403);
  });

  test('shows a new build, and tells open pages', async () => {
    await using server = await serveSite(siteOf('old'), { port: 0 });
    const events = await fetch(`${server.url}-/reload`);
    const reader = events.body?.getReader();
    const said = async (): Promise<string> =>
      new TextDecoder().decode((await reader?.read())?.value);
    expect(await said()).toContain('retry');
    server.show(siteOf('new'));
    expect(await said()).toContain('data: reload');
    expect(await (await fetch(server.url)).text()).toContain('<p>new</p>');
  });

  test('says what to do when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      await expect(serveSite(siteOf('x'), { port })).rejects.toThrow(
        `Cannot serve the site: port ${port} is in use; choose another with --port`,
      );
    } finally {
      other.close();
    }
  });
});

test('watchSources() calls once for several changes, also of new files, until it is told to stop', async () => {
  using repository = new Repository();
  const stop = new AbortController();
  try {
    const changed = new Promise<number>((resolve) => {
      let calls = 0;
      watchSources(repository.root, () => resolve(++calls), stop.signal);
    });
    repository.replace('labs/01-tiny/steps/1-count/lesson.md', 'counted once', 'counted twice');
    repository.write('docs/pages/new.md', '# New\n');
    expect(await changed).toBe(1);
  } finally {
    stop.abort();
  }
});

test.each(['labs/01-tiny/lab.yaml', 'docs/glossary.md', 'labs/02-later/README.md'])(
  'watchSources() sees a change of %s',
  async (file) => {
    using repository = new Repository();
    const stop = new AbortController();
    try {
      const changed = new Promise<string>((resolve) => {
        watchSources(repository.root, () => resolve('seen'), stop.signal);
      });
      repository.write(file, `${repository.read(file)}\n`);
      expect(await changed).toBe('seen');
    } finally {
      stop.abort();
    }
  },
);
