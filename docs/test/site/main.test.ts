// `npm run docs` as a command, and the real site that it builds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileCache } from '../support/compile-cache.ts';
import { launchBrowser, watched } from './support/browser.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'docs/src/site/main.ts');
/** Some three hundred pages are built, and opened one by one. */
const TIMEOUT_MS = 900_000;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kube-labs-site-main-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** As `npm run lab` does: from version 24 on Node reads TypeScript as it is. */
const loader = Number(process.versions.node.split('.')[0]) < 24 ? ['--import', 'tsx'] : [];
const start = (args: readonly string[]) =>
  spawn(process.execPath, [...loader, MAIN, ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    stdio: 'pipe',
  });

async function run(...args: readonly string[]): Promise<Ended> {
  const child = start(args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

test('--help names the commands and their flags', { timeout: TIMEOUT_MS }, async () => {
  const { code, output } = await run('--help');
  expect(code).toBe(0);
  expect(output).toMatch(/serve \[options\][\s\S]*build \[options\]/);
  const build = await run('build', '--help');
  expect(build.output).toContain('--no-transcripts');
  expect(build.output).toContain('--out <dir>');
});

test.each([
  { name: 'a port that is none', args: ['--port', 'http'], want: 'a port is a number' },
  { name: 'a command that is none', args: ['bild'], want: 'error:' },
])('$name is refused with a sentence', { timeout: TIMEOUT_MS }, async ({ args, want }) => {
  const { code, output } = await run(...args);
  expect(code).not.toBe(0);
  expect(output).toContain(want);
});

test('a folder that is not ours is left alone', { timeout: TIMEOUT_MS }, async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'thesis.txt'), 'years of work');
  const { code, output } = await run('build', '--no-transcripts', '--out', other);
  expect(code).toBe(2);
  expect(output).toContain('name an empty folder with --out');
  expect(existsSync(join(other, 'index.html'))).toBe(false);
});

test('serve says its address, answers, and ends on SIGTERM', { timeout: TIMEOUT_MS }, async () => {
  const child = start(['serve', '--no-transcripts', '--port', '0']);
  try {
    const url = await new Promise<string>((found, failed) => {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(output)?.[0];
        if (address !== undefined) found(address);
      });
      child.once('close', (code) => failed(new Error(`ended with ${code} after: ${output}`)));
    });
    expect(await (await fetch(`${url}zh/glossary.html`)).text()).toContain('术语表');
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

describe('the real site', () => {
  let site = '';
  let files: string[] = [];
  beforeAll(async () => {
    site = join(folder, 'site');
    const { code, output } = await run('build', '--no-transcripts', '--out', site);
    expect(output).toMatch(/Built \d+ pages/);
    expect(code).toBe(0);
    const all: string[] = JSON.parse(readFileSync(join(site, '.site-files.json'), 'utf8'));
    files = all.filter((file) => file.endsWith('.html'));
  }, TIMEOUT_MS);

  test('has a page, slides and hints for every step of every lab that has lessons', () => {
    const steps = files.filter((file) => /^labs\/\d\d-[^/]+\/\d+-[\w-]+\.html$/.test(file));
    expect(steps.length).toBeGreaterThanOrEqual(8);
    for (const step of steps) {
      expect(files).toContain(step.replace('.html', '.slides.html'));
      expect(files).toContain(`zh/${step}`);
      const markup = readFileSync(join(site, step), 'utf8');
      expect(markup, step).toContain('class="hint-of"');
      expect(markup, step).toContain('class="added"');
      expect(markup, step).toMatch(
        /class="teacher note" aria-label="For the teacher: Demonstrate"/,
      );
    }
  });

  test('has every concept of Kubernetes 1.1 in its glossary, in both languages', () => {
    const concepts =
      'cluster node pod label selector replication-controller service volume secret name namespace annotation etcd api-server scheduler controller-manager kubelet kube-proxy cadvisor';
    for (const file of ['glossary.html', 'zh/glossary.html']) {
      const markup = readFileSync(join(site, file), 'utf8');
      for (const id of concepts.split(' ')) expect(markup, file).toContain(`<h3 id="${id}">`);
    }
  });

  test('fits a phone, and logs no error, on every page', { timeout: TIMEOUT_MS }, async () => {
    const browser = await launchBrowser();
    try {
      const place = { url: `file://${site}/`, async [Symbol.asyncDispose]() {} };
      await using reader = await watched(browser, place, { viewport: { width: 360, height: 740 } });
      const page = await reader.context.newPage();
      const wide: string[] = [];
      // Pages of sources differ in nothing but their text: the first forty stand for all.
      const sources = files.filter((file) => /^(source|skeleton)\//.test(file)).slice(0, 40);
      const others = files.filter((file) => !/(^|\/)(source|skeleton)\//.test(file));
      for (const file of [...others, ...sources]) {
        await page.goto(place.url + file);
        const fits = page.waitForFunction('document.documentElement.scrollWidth <= 360');
        if (!(await fits.then(Boolean, () => false))) wide.push(file);
      }
      expect(wide).toEqual([]);
      expect(reader.faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
