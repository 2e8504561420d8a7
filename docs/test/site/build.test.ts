// The build of a whole small site: what is on its pages, and everything that makes a build fail.
import { describe, expect, test } from 'vitest';
import { buildSite } from '../../src/site/build.ts';
import { SiteError } from '../../src/site/problems.ts';
import { CANNED, FIXTURE, pageOf, Repository } from './support/fixture.ts';

const site = buildSite({ root: FIXTURE, transcripts: CANNED });
const STEP = 'labs/01-tiny/1-count.html';
const LESSON = 'labs/01-tiny/steps/1-count/lesson.md';

function problemsOf(repository: Repository): string {
  try {
    repository.build();
  } catch (error) {
    if (error instanceof SiteError) return error.message;
    throw error;
  }
  return '';
}

describe('a build fails, and names', () => {
  test.each([
    {
      name: 'the page and the link, when a link leads to no file',
      spoil: (r: Repository) => r.replace(LESSON, '../../README.md#keep-true', '../../GONE.md'),
      want: [LESSON, '../../GONE.md', 'there is no labs/01-tiny/GONE.md'],
    },
    {
      name: 'the page and the anchor, when a link leads to no anchor',
      spoil: (r: Repository) => r.replace(LESSON, 'README.md#keep-true', 'README.md#gone'),
      want: [STEP, LESSON, 'labs/01-tiny/index.html has no anchor #gone'],
    },
    {
      name: 'the symbol, when a lesson pulls one that is not there',
      spoil: (r: Repository) =>
        r.replace(
          LESSON,
          'ts pull src/counter.ts#Counter.add',
          'ts pull src/counter.ts#Counter.subtract',
        ),
      want: [
        LESSON,
        'pulls src/counter.ts#Counter.subtract',
        'there is no Counter.subtract in src/counter.ts',
      ],
    },
    {
      name: 'the symbol, when a task names one that is not there',
      spoil: (r: Repository) =>
        r.replace(LESSON, '`src/counter.ts#Counter.add`', '`src/counter.ts#Adder`'),
      want: [LESSON, 'names src/counter.ts#Adder', 'there is no Adder'],
    },
    {
      name: 'the file, when a lesson names one that is not there',
      spoil: (r: Repository) => r.replace(LESSON, '`src/words.ts`', '`src/gone.ts`'),
      want: [LESSON, 'names src/gone.ts', 'there is no labs/01-tiny/src/gone.ts'],
    },
    {
      name: 'the section that a lesson lacks',
      spoil: (r: Repository) => r.replace(LESSON, '## Predict', '## Guess'),
      want: [LESSON, 'lacks its section `## Predict`'],
    },
    {
      name: 'the section that a slide inserts and the lesson does not have',
      spoil: (r: Repository) =>
        r.replace('labs/01-tiny/steps/1-count/teach.md', '{{lesson Keep true}}', '{{lesson Kept}}'),
      want: ['labs/01-tiny/steps/1-count/teach.md', '{{lesson Kept}}'],
    },
  ])('$name', ({ spoil, want }) => {
    using repository = new Repository();
    spoil(repository);
    const message = problemsOf(repository);
    for (const part of want) expect(message).toContain(part);
  });

  test('everything at once', () => {
    using repository = new Repository();
    repository.replace(LESSON, '../../README.md#keep-true', 'gone.md');
    repository.replace('docs/architecture.md', 'counts.', 'counts [here](nowhere.md).');
    const message = problemsOf(repository);
    expect(message).toContain('2 things are wrong');
    expect(message).toContain('gone.md');
    expect(message).toContain('docs/architecture.md: links to nowhere.md');
  });
});

describe('the page of a step', () => {
  const page = pageOf(site, STEP);

  test('has its sections in the order of a lesson', () => {
    const ids = [
      'why',
      'keep-true',
      'predict',
      'tasks',
      'hints',
      'run',
      'solution',
      'in-real-kubernetes',
      'questions',
    ];
    const found = [...page.matchAll(/<h2 id="([^"]+)"/g)].map(([, id]) => id);
    expect(found).toEqual(ids);
  });

  test('says minutes, what it needs and what one writes', () => {
    expect(page).toContain('20 minutes');
    expect(page).toContain('1 in src/counter.ts');
    expect(pageOf(site, 'labs/01-tiny/2-words.html')).toContain(
      '<a href="1-count.html">1 Counting</a>',
    );
  });

  test('has anchors for its invariants', () => {
    expect(page).toContain('<li id="invariant-2">A count never goes down.');
  });

  test('shows pulled code as the skeleton has it, with a link to its line', () => {
    expect(page).toMatch(/href="\.\.\/\.\.\/skeleton\/labs\/01-tiny\/src\/counter\.ts\.html#L11"/);
    expect(page).toContain('is not written yet');
  });

  test('leads from a task to the skeleton, and to the reference where nothing is to be written', () => {
    expect(page).toContain('href="../../skeleton/labs/01-tiny/src/words.ts.html"');
    expect(page).toContain('href="../../source/labs/01-tiny/test/steps/1-count.test.ts.html"');
  });

  test('has the red transcript where the lesson wants it, and the green one all the same', () => {
    expect(page.match(/class="code transcript red"/g)).toHaveLength(1);
    expect(page.match(/class="code transcript green"/g)).toHaveLength(1);
    expect(page.indexOf('transcript red')).toBeLessThan(page.indexOf('Then it is green'));
  });

  test('folds each level of a hint inside the one before', () => {
    const hints = page.slice(page.indexOf('id="hints"'), page.indexOf('id="run"'));
    expect(hints).toMatch(
      /A question[\s\S]*?Where to look[\s\S]*?The shape of the code[\s\S]*?(<\/div><\/details>){3}/,
    );
  });

  test('has the difference that the step makes, behind "I have tried"', () => {
    const solution = page.slice(
      page.indexOf('id="solution"'),
      page.indexOf('id="in-real-kubernetes"'),
    );
    expect(solution).toContain('<details class="tried"><summary><span class="closed">I have tried');
    expect(solution).toContain('class="added"');
    expect(solution).toContain('RangeError');
  });

  test('has the teacher’s notes beside what they are about', () => {
    const why = page.slice(page.indexOf('id="why"'), page.indexOf('id="keep-true"'));
    expect(why).toContain('<aside class="teacher note" aria-label="For the teacher: Demonstrate">');
    expect(why).toContain('axolotl');
    expect(why.slice(why.indexOf('axolotl'))).not.toContain('class="term"');
  });

  test('links terms of the glossary where they first stand', () => {
    expect(page).toContain('href="../../glossary.html#pod"');
    expect(page.match(/glossary\.html#pod"/g)).toHaveLength(1);
  });

  test('turns to the step before and after, across labs', () => {
    expect(page).toContain('rel="prev" href="index.html"');
    expect(page).toContain('rel="next" href="2-words.html"');
    expect(pageOf(site, 'labs/01-tiny/2-words.html')).toContain(
      'rel="next" href="../02-later/index.html"',
    );
  });
});

describe('languages', () => {
  test('a translated lesson has its own words, the fixed anchors and its own switch', () => {
    const page = pageOf(site, `zh/${STEP}`);
    expect(page).toContain('<html lang="zh-Hans"');
    expect(page).toContain('<h2 id="keep-true">必须始终成立');
    expect(page).toContain('<li id="invariant-2">计数从不减少。');
    expect(page).toContain(`hreflang="en" lang="en" data-language="en" href="../../../${STEP}"`);
    expect(page).not.toContain('本页尚未翻译');
  });

  test('a lesson without a translation is shown in English, with a note', () => {
    const page = pageOf(site, 'zh/labs/01-tiny/2-words.html');
    expect(page).toContain('本页尚未翻译');
    expect(page).toContain('Words come back in order.');
    expect(page).toContain('<h1>词的顺序</h1>');
  });

  test('terms are linked in Chinese text', () => {
    expect(pageOf(site, `zh/${STEP}`)).toContain('href="../../glossary.html#lease"');
  });
});

describe('other pages', () => {
  test('home shows the labs in order, with minutes, and marks the one without lessons', () => {
    const page = pageOf(site, 'index.html');
    expect(page).toMatch(/Tiny[\s\S]*1 h 35 min[\s\S]*Later[\s\S]*1 h 30 min · no lessons yet/);
    expect(page).toContain('data-lab="01-tiny"');
  });

  test('a lab with lessons has its way in, its steps, and its README', () => {
    const ids = [...pageOf(site, 'labs/01-tiny/index.html').matchAll(/<h2 id="([^"]+)"/g)];
    expect(ids.map(([, id]) => id)).toEqual([
      'steps',
      'how-to-work',
      'about',
      'keep-true',
      'left-out',
    ]);
    expect(pageOf(site, 'labs/01-tiny/index.html')).toContain('<dt>You need</dt><dd>nothing</dd>');
  });

  test('where only the way in is translated, the README says that it is not', () => {
    const page = pageOf(site, 'zh/labs/01-tiny/index.html');
    expect(page).toContain('你要造一个计数器。');
    expect(page).toMatch(/以下部分尚未翻译。<\/p>\s*<div lang="en">/);
    expect(pageOf(site, 'zh/index.html')).toContain('你要造一个计数器。');
  });

  test('a lab without lessons shows its README, and says so', () => {
    const page = pageOf(site, 'labs/02-later/index.html');
    expect(page).toContain('has no lessons yet');
    expect(page).toContain('<h2 id="keep-true">');
  });

  test('slides are the title, and what teach.md makes of the lesson, with notes', () => {
    const page = pageOf(site, 'labs/01-tiny/1-count.slides.html');
    expect(page.match(/<section class="slide"/g)).toHaveLength(3);
    expect(page).toContain('What must be true');
    expect(page).toContain('A count never goes down.');
    expect(page).toMatch(/<aside class="slide-notes">[\s\S]*before you turn the slide/);
    expect(page).toMatch(/<details class="answer"><summary>[^<]*<\/summary>[\s\S]*quokka/);
  });

  test('a step without slides of its own has a slide for each section', () => {
    const page = pageOf(site, 'labs/01-tiny/2-words.slides.html');
    expect(page.match(/<section class="slide"/g)).toHaveLength(7);
  });

  test('the agenda has all steps with their minutes', () => {
    const page = pageOf(site, 'agenda.html');
    expect(page).toMatch(/Counting<\/a><\/td><td>20<[\s\S]*Words in order<\/a><\/td><td>75</);
    expect(page).toContain('<h2 id="eight-weeks">');
  });

  test('what changed stands under its contract, the newest first', () => {
    const page = pageOf(site, 'changes.html');
    expect(page).toMatch(
      /id="01-tiny-2"[\s\S]*<code>Counter.add<\/code> refuses[\s\S]*id="01-tiny-1"/,
    );
  });

  test('a folder lists its files with what they are', () => {
    expect(pageOf(site, 'source/labs/01-tiny/src/index.html')).toContain(
      'counts up, and remembers where it was before',
    );
  });

  test('the skeleton and the reference lead to each other', () => {
    const skeleton = pageOf(site, 'skeleton/labs/01-tiny/src/counter.ts.html');
    expect(skeleton).toContain('href="../../../../source/labs/01-tiny/src/counter.ts.html"');
    expect(skeleton).not.toContain('RangeError');
    expect(pageOf(site, 'source/labs/01-tiny/src/counter.ts.html')).toContain('RangeError');
  });

  test('external links are listed with who has them', () => {
    expect(site.externalLinks.get('https://kubernetes.io/docs/')).toEqual(new Set([LESSON]));
  });

  test('nothing is loaded from elsewhere', () => {
    for (const [file, content] of site.files) {
      if (!file.endsWith('.html')) continue;
      expect(content.toString(), file).not.toMatch(/(?:src|<link[^>]*href)="(?:https?:)?\/\//);
    }
  });
});

test('a draft says on the page that no transcript was made, and shows none', () => {
  const page = pageOf(buildSite({ root: FIXTURE, transcripts: undefined }), STEP);
  expect(page).toContain('built with --no-transcripts');
  expect(page).toContain('Not shown in this draft');
  expect(page).not.toContain('npx lab check</span>');
});
