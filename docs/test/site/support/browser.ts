// Browser: headless Chromium, and a watch over what pages do: errors on the console, requests that leave the machine.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
} from 'playwright-core';
import { expect } from 'vitest';
import type { BuiltSite } from '../../../src/site/build.ts';
import { serveSite } from '../../../src/site/serve.ts';
import { writeSite } from '../../../src/site/write.ts';

/** Some hundred megabytes, from a cold disk. */
const LAUNCH_MS_MAX = 100_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: ARGS, timeout: LAUNCH_MS_MAX });
}

function findChromium(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(canRun);
  if (found !== undefined) return found;
  throw new Error(
    `Cannot test the site in a browser as PATH has none of ${NAMES.join(', ')}: run \`node setup.mjs --for test\`, or install chromium`,
  );
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** When a container comes or goes anywhere on the machine, Chromium gives up all its connections, those to 127.0.0.1 too. */
export const NETWORK_CHANGED = 'net::ERR_NETWORK_CHANGED';
const VISITS_MAX = 10;

/** A site at an address: a folder on the disk, or a server on this machine. */
export interface Place extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string;
}

export async function placeOf(kind: 'disk' | 'server', site: BuiltSite): Promise<Place> {
  if (kind === 'server') return serveSite(site, { port: 0 });
  const folder = mkdtempSync(join(tmpdir(), 'kube-labs-site-browser-'));
  writeSite(site, folder);
  return {
    url: `${pathToFileURL(folder).href}/`,
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A context of its own, with nothing remembered, and what went wrong in it. */
export interface Watched extends AsyncDisposable {
  readonly context: BrowserContext;
  /** Errors and warnings of the console, failed requests, and requests to anywhere but the place. */
  readonly faults: readonly string[];
}

export async function watched(
  browser: Browser,
  place: Place,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(60_000);
  const faults: string[] = [];
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  context.on('weberror', (error) => faults.push(`error: ${error.error().message}`));
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(place.url) && !url.startsWith('data:')) faults.push(`request: ${url}`);
  });
  context.on('requestfailed', (request) => {
    // Who leaves a page gives up what it still waits for.
    const reason = request.failure()?.errorText;
    if (reason !== 'net::ERR_ABORTED') faults.push(`failed: ${request.url()} ${reason}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  return {
    context,
    faults,
    async [Symbol.asyncDispose]() {
      await context.close();
    },
  };
}

/** What a reader does with a fresh context, in which in the end nothing may have gone wrong; again when the network was changed meanwhile. */
export async function visited(
  browser: Browser,
  { place, options = {} }: { readonly place: Place; readonly options?: BrowserContextOptions },
  act: (reader: Watched) => Promise<void>,
): Promise<void> {
  for (let visit = 1; ; visit++) {
    await using reader = await watched(browser, place, options);
    try {
      await act(reader);
      expect(reader.faults).toEqual([]);
      return;
    } catch (error) {
      const said = [...reader.faults, String(error)].join('\n');
      if (!said.includes(NETWORK_CHANGED) || visit === VISITS_MAX) throw error;
    }
  }
}
