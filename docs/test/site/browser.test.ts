// The site as a reader meets it: in Chromium, opened from the disk and from the server.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSite } from '../../src/site/build.ts';
import {
  launchBrowser,
  type Place,
  placeOf,
  visited,
  type Watched,
  watched,
} from './support/browser.ts';
import { CANNED, FIXTURE } from './support/fixture.ts';

const site = buildSite({ root: FIXTURE, transcripts: CANNED });
const pages = [...site.files.keys()].filter((file) => file.endsWith('.html'));
const STEP = 'labs/01-tiny/1-count.html';
const TIMEOUT_MS = 600_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
}, TIMEOUT_MS);
afterAll(() => browser?.close());

/** What a function of the page returns; the page's own types are not ours. */
const ask = <Value>(page: Page, expression: string): Promise<Value> =>
  page.evaluate(expression) as Promise<Value>;

const background = (page: Page): Promise<string> =>
  ask(page, 'getComputedStyle(document.body).backgroundColor');

async function search(page: Page, words: string): Promise<string[]> {
  await page.keyboard.press('/');
  await page.locator('#search-field').fill(words);
  await page.locator('.search-status:not(:empty)').waitFor();
  return page.locator('#search-results li').allInnerTexts();
}

describe.each(['disk', 'server'] as const)('from the %s', (kind) => {
  let place: Place;
  beforeAll(async () => {
    place = await placeOf(kind, site);
  });
  afterAll(async () => place?.[Symbol.asyncDispose]());

  /** A reader with a fresh browser opens a page; in the end nothing may have gone wrong. */
  const reads = (
    file: string,
    act: (page: Page, reader: Watched) => Promise<void>,
    options: Parameters<typeof watched>[2] = {},
  ): Promise<void> =>
    visited(browser, { place, options }, async (reader) => {
      const page = await reader.context.newPage();
      await page.goto(place.url + file);
      await act(page, reader);
    });

  test('no page logs an error, asks for anything elsewhere, or is wider than a phone', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await reads(
      'index.html',
      async (page) => {
        const width = () => ask<number>(page, 'document.documentElement.scrollWidth');
        for (const file of pages) {
          await page.goto(place.url + file);
          await expect.poll(width, { message: file }).toBeLessThanOrEqual(360);
        }
      },
      { viewport: { width: 360, height: 740 } },
    );
  });

  test('the search finds an English word, and leads to its section', () =>
    reads('index.html', async (page) => {
      expect(await search(page, 'metric')).toEqual([
        expect.stringMatching(/In real Kubernetes\s*Counting/),
      ]);
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/${STEP}#in-real-kubernetes`);
    }));

  test('the search finds a Chinese word in the middle of a sentence', () =>
    reads('zh/index.html', async (page) => {
      const found = await search(page, '租约');
      expect(found.join('\n')).toContain('计数');
      expect(found.join('\n')).toContain('术语表');
      await page.keyboard.press('ArrowDown');
      await expect
        .poll(() => ask(page, 'document.activeElement.closest("#search-results") !== null'))
        .toBe(true);
    }));

  test('the search says when there is nothing, and spoils no answer', () =>
    reads('index.html', async (page) => {
      expect(await search(page, 'quokka')).toEqual([]);
      await expect
        .poll(() => page.locator('.search-status').textContent())
        .toContain('Nothing found for “quokka”');
      await page.keyboard.press('Escape');
      await expect.poll(() => page.locator('#search-dialog').isVisible()).toBe(false);
    }));

  test('the theme follows the system, then the switch, also on the next page', () =>
    reads(
      STEP,
      async (page) => {
        const dark = await background(page);
        const button = page.locator('.theme-button');
        await button.click();
        await expect.poll(() => button.getAttribute('aria-label')).toBe('Theme: light');
        const light = await background(page);
        expect(light).not.toBe(dark);
        await page.goto(`${place.url}glossary.html`);
        await expect.poll(() => background(page)).toBe(light);
        await page.locator('.theme-button').click();
        await expect.poll(() => background(page)).toBe(dark);
      },
      { colorScheme: 'dark' },
    ));

  test('the language switch stays on the page and at the place', () =>
    reads(`${STEP}#invariant-2`, async (page) => {
      await page.locator('.language').click();
      await page.waitForURL(`**/zh/${STEP}#invariant-2`);
      await expect.poll(() => page.locator('h1').textContent()).toBe('计数');
      await page.locator('.language').click();
      await page.waitForURL((url) => !url.href.includes('/zh/') && url.href.includes(STEP));
    }));

  test('a hint opens level by level', () =>
    reads(STEP, async (page) => {
      const levels = page.locator('.hint-of').first().locator('summary');
      const shape = page.getByText('Two statements: one changes, one returns.');
      await expect.poll(() => shape.isVisible()).toBe(false);
      await expect.poll(() => levels.nth(1).isVisible()).toBe(false);
      for (const level of [0, 1, 2]) await levels.nth(level).click();
      await expect.poll(() => shape.isVisible()).toBe(true);
    }));

  test('the solution and the answers are behind what one opens', () =>
    reads(STEP, async (page) => {
      const added = page.locator('.diff .added').first();
      const answer = page.getByText('the quokka said so');
      expect([await added.isVisible(), await answer.isVisible()]).toEqual([false, false]);
      await page.getByText('I have tried').click();
      await page.getByText('What a good answer says').click();
      await expect
        .poll(async () => [await added.isVisible(), await answer.isVisible()])
        .toEqual([true, true]);
    }));

  test('the teacher’s view shows notes, and is remembered; ?view=teacher switches it on', () =>
    reads(STEP, async (page) => {
      const note = page.getByText('let the axolotl watch');
      await expect.poll(() => note.isVisible()).toBe(false);
      await page.locator('.view-button').click();
      await expect.poll(() => note.isVisible()).toBe(true);
      await page.goto(`${place.url}labs/01-tiny/2-words.html`);
      await expect.poll(() => page.getByText('Sort the class by name.').isVisible()).toBe(true);
      await expect.poll(() => page.getByRole('link', { name: 'Agenda' }).isVisible()).toBe(true);
      await page.goto(`${place.url}${STEP}?view=learner`);
      await expect.poll(() => note.isVisible()).toBe(false);
      await page.goto(`${place.url}${STEP}?view=teacher`);
      await expect.poll(() => note.isVisible()).toBe(true);
    }));

  test('slides turn by keys, show notes, and lead back', () =>
    reads('labs/01-tiny/1-count.slides.html', async (page) => {
      const shown = (): Promise<string | null> => page.locator('.slide.shown').getAttribute('id');
      await expect.poll(shown).toBe('slide-1');
      await page.keyboard.press('ArrowRight');
      await expect.poll(shown).toBe('slide-2');
      const note = page.getByText('before you turn the slide');
      await expect.poll(() => note.isVisible()).toBe(false);
      await page.keyboard.press('n');
      await expect.poll(() => note.isVisible()).toBe(true);
      await page.keyboard.press('End');
      await expect.poll(shown).toBe('slide-3');
      await page.keyboard.press('ArrowRight');
      await expect.poll(shown).toBe('slide-3');
      await page.keyboard.press('ArrowLeft');
      await page.reload();
      await expect.poll(shown).toBe('slide-2');
      await page.keyboard.press('Home');
      await expect.poll(shown).toBe('slide-1');
      await page.keyboard.press('Escape');
      await page.waitForURL(`**/${STEP}`);
    }));

  test('slides are printed one a sheet, with their notes', () =>
    reads('labs/01-tiny/1-count.slides.html', async (page) => {
      await page.emulateMedia({ media: 'print' });
      await expect.poll(() => page.locator('.slide:visible').count()).toBe(3);
      await expect.poll(() => page.locator('.slide-notes').first().isVisible()).toBe(true);
      await expect.poll(() => page.locator('.slide-controls').isVisible()).toBe(false);
    }));

  test('the first Tab is a way past the navigation, and every code block can be reached', () =>
    reads(STEP, async (page) => {
      await page.keyboard.press('Tab');
      await expect.poll(() => ask(page, 'document.activeElement.className')).toBe('skip');
      await page.keyboard.press('Enter');
      await expect.poll(() => ask(page, 'document.activeElement.id')).toBe('main');
      await expect.poll(() => page.locator('pre:not([tabindex])').count()).toBe(0);
    }));

  test('the menu of a phone opens and closes', () =>
    reads(
      STEP,
      async (page) => {
        const menu = page.locator('.menu-button');
        const glossary = page.locator('#site-menu').getByRole('link', { name: 'Glossary' });
        await expect.poll(() => glossary.isVisible()).toBe(false);
        await menu.click();
        await expect.poll(() => menu.getAttribute('aria-expanded')).toBe('true');
        await expect.poll(() => glossary.isVisible()).toBe(true);
        await menu.click();
        await expect.poll(() => glossary.isVisible()).toBe(false);
      },
      { viewport: { width: 360, height: 740 } },
    ));

  test('home knows where the reader was, and lights that part', () =>
    reads('labs/02-later/index.html', async (page) => {
      await page.goto(`${place.url}zh/index.html`);
      await expect
        .poll(() => page.locator('.map-wide .lit').getAttribute('data-lab'))
        .toBe('02-later');
      await page.locator('.continue a').click();
      await page.waitForURL('**/zh/labs/02-later/index.html');
    }));

  test('an anchor inside a fold opens it, and a line of a source is marked', () =>
    reads('skeleton/labs/01-tiny/src/counter.ts.html#L11', async (page) => {
      await expect
        .poll(() => ask(page, 'document.querySelector(":target").textContent'))
        .toContain('add(amount');
    }));
});

test('text has enough contrast in both themes', async () => {
  await using place = await placeOf('disk', site);
  for (const colorScheme of ['light', 'dark'] as const) {
    await using reader = await watched(browser, place, { colorScheme });
    const page = await reader.context.newPage();
    await page.goto(`${place.url}${STEP}?view=teacher`);
    await page.getByText('I have tried').click();
    // A theme may be on its way into the page.
    const low = () => ask<string[]>(page, `(${contrastsBelow})(4.5)`);
    await expect.poll(low, { message: colorScheme }).toEqual([]);
  }
});

/** Runs in the page: words whose colour is too near to what is behind them, by WCAG's formula. */
const contrastsBelow = `(least) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (rgb) => rgb.slice(0, 3)
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
    }
    return rgba('white');
  };
  const found = new Set();
  for (const element of document.querySelectorAll('main *, .side *, .top *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!own || element.closest('svg, [aria-hidden], .hidden') || !element.checkVisibility()) continue;
    const [a, b] = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least) found.add(element.tagName + '.' + element.className + ' ' + ratio.toFixed(2));
  }
  return [...found];
}`;

test('a block of code is copied by its button', async () => {
  await using place = await placeOf('server', site);
  const options = { permissions: ['clipboard-read', 'clipboard-write'] };
  await visited(browser, { place, options }, async ({ context }) => {
    const page = await context.newPage();
    await page.goto(`${place.url}source/labs/01-tiny/src/words.ts.html`);
    await page.locator('figure.source').hover();
    await page.locator('.copy').click();
    await page.getByText('Copied').waitFor();
    const copied = await ask<string>(page, 'navigator.clipboard.readText()');
    expect(copied.startsWith('// Words: puts words in order.\n\n/** A new list')).toBe(true);
  });
});
