// Layout: the frame around every page: landmarks, navigation, switches, footer. Words come from ui.ts, looks from assets/*.css.
//
// Rules of use: everything is reachable by keyboard and named for a screen reader; nothing is loaded from elsewhere; scripts are classic
// ones, since modules do not load from a file on a disk. What a script changes (theme, view) is an attribute of <html>, set by early.js
// before the first paint.
import { type LabInfo, labPath, labTitle, slidesPath, stepPath, stepTitle } from './catalog.ts';
import { type Html, html, raw } from './html.ts';
import { LANGS, outputPath, type Page, pageHref, relativeHref } from './page.ts';
import { say, type UiKey } from './ui.ts';

export interface Frame {
  readonly root: string;
  readonly labs: readonly LabInfo[];
  readonly draft: boolean;
}

const STYLES = ['base', 'top', 'page', 'search', 'code', 'parts', 'map'] as const;
const STRINGS_OF_SCRIPTS = [
  'copy',
  'copied',
  'copyFailed',
  'searchNone',
  'searchCount',
  'searchBroken',
  'themeAuto',
  'themeLight',
  'themeDark',
  'slideOf',
] as const satisfies readonly UiKey[];

export function layout(page: Page, frame: Frame): string {
  const { lang, title } = page;
  const kind = page.frame ?? 'book';
  const body = kind === 'slides' ? page.main : bookBody(page, frame);
  const data = JSON.stringify({
    lang,
    top: topOf(page),
    strings: Object.fromEntries(STRINGS_OF_SCRIPTS.map((key) => [key, say(lang, key)])),
  });
  return `<!doctype html>\n${html`<html lang="${lang === 'zh' ? 'zh-Hans' : lang}" data-frame="${kind}"${page.lab && html` data-lab="${page.lab}"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.path === 'index.html' ? say(lang, 'site') : `${title} · ${say(lang, 'site')}`}</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${asset(page, 'icon.svg')}">
${[...STYLES, ...(kind === 'slides' ? ['slides'] : [])].map((name) => html`<link rel="stylesheet" href="${asset(page, `${name}.css`)}">\n`)}
<link rel="stylesheet" media="print" href="${asset(page, 'print.css')}">
<script src="${asset(page, 'early.js')}"></script>
</head>
<body>
${body}
<script type="application/json" id="site-data">${raw(data.replace(/</g, '\\u003c'))}</script>
<script src="${asset(page, 'site.js')}" defer></script>
${kind === 'slides' ? html`<script src="${asset(page, 'slides.js')}" defer></script>` : html`<script src="${asset(page, 'search.js')}" defer></script>`}
</body>
</html>`}\n`;
}

const fileOf = (page: Page): string => outputPath(page.path, page.lang);
const asset = (page: Page, name: string): string => relativeHref(fileOf(page), `assets/${name}`);
const to = (page: Page, path: string): string => pageHref(page.lang, page.path, path);

/** From this page to the top of the site: `../../`, or nothing. */
function topOf(page: Page): string {
  return '../'.repeat(fileOf(page).split('/').length - 1);
}

function bookBody(page: Page, frame: Frame): Html {
  const { lang } = page;
  const side = page.lab === undefined ? undefined : sideNavigation(page, frame);
  const beside = besideText(page);
  return html`<a class="skip" href="#main">${say(lang, 'skip')}</a>
${topBar(page)}
<div class="frame${side && ' with-side'}${beside && ' with-beside'}">
${side}
<main id="main" tabindex="-1">
${page.crumbs && crumbs(page)}
${!page.translated && html`<p class="notice" lang="${lang}">${say(lang, 'untranslated')}</p>`}
${frame.draft && page.lab && html`<p class="notice draft">${say(lang, 'draft')}</p>`}
<div class="text"${!page.translated && html` lang="en"`}>
${page.main}
</div>
${(page.previous || page.next) && turnPage(page)}
</main>
${beside}
</div>
${footer(page)}
${searchDialog(page)}`;
}

function topBar(page: Page): Html {
  const { lang } = page;
  const links: readonly (readonly [UiKey, string, string?])[] = [
    ['navLabs', 'index.html#labs'],
    ['navGlossary', 'glossary.html'],
    ['navArchitecture', 'architecture.html'],
    ['navTeaching', 'teaching.html'],
    ['agenda', 'agenda.html', 'teacher'],
    ['navHelp', 'troubleshooting.html'],
  ];
  return html`<header class="top">
<a class="brand" href="${to(page, 'index.html')}"><img src="${asset(page, 'icon.svg')}" alt="" width="22" height="22">${say(lang, 'site')}</a>
<button type="button" class="menu-button" aria-expanded="false" aria-controls="site-menu">${say(lang, 'menu')}</button>
<div id="site-menu" class="menu">
<nav aria-label="${say(lang, 'navSite')}"><ul>${links.map(
    ([key, path, view]) =>
      html`<li${view && html` class="${view}"`}><a href="${to(page, path)}"${page.path === path && html` aria-current="page"`}>${say(lang, key)}</a></li>`,
  )}</ul></nav>
<div class="tools">
<button type="button" class="tool search-button" data-open="search-dialog" aria-keyshortcuts="/">${say(lang, 'search')} <kbd aria-hidden="true">/</kbd></button>
<button type="button" class="tool view-button" aria-pressed="false">${say(lang, 'teacherView')}</button>
<button type="button" class="tool theme-button" aria-label="${say(lang, 'themeAuto')}" title="${say(lang, 'themeAuto')}"><span aria-hidden="true"></span></button>
${languageLinks(page)}
</div></div></header>`;
}

function languageLinks(page: Page): Html {
  return html`${LANGS.filter((other) => other !== page.lang).map(
    (other) =>
      html`<a class="tool language" hreflang="${other}" lang="${other}" data-language="${other}" href="${relativeHref(fileOf(page), outputPath(page.path, other))}">${say(other, 'language')}</a>`,
  )}`;
}

function sideNavigation(page: Page, { labs, root }: Frame): Html {
  const { lang } = page;
  return html`<nav class="side" aria-label="${say(lang, 'navLab')}"><ol>${labs.map((lab) => {
    const isOpen = lab.id === page.lab;
    return html`<li${isOpen && html` class="open"`}><a href="${to(page, labPath(lab.id))}"${current(page, labPath(lab.id))}><span class="number">${lab.number}</span>${labTitle(root, lab, lang)}</a>${
      isOpen &&
      lab.course &&
      html`<ol>${lab.course.steps.map(
        (step) =>
          html`<li><a href="${to(page, stepPath(lab.id, step.id))}"${current(page, stepPath(lab.id, step.id))}><span class="number">${step.number}</span>${stepTitle(step, lang)}</a></li>`,
      )}</ol>`
    }</li>`;
  })}</ol></nav>`;
}

const current = (page: Page, path: string): Html | false =>
  page.path === path && html` aria-current="page"`;

function crumbs(page: Page): Html {
  return html`<nav class="crumbs" aria-label="${say(page.lang, 'crumbs')}"><ol>${page.crumbs?.map(
    ({ title, path }) => html`<li><a href="${to(page, path)}">${title}</a></li>`,
  )}</ol></nav>`;
}

const HEADINGS_MIN = 3;

/** The contents of the page, and what the page itself puts there. */
function besideText(page: Page): Html | undefined {
  const headings = (page.headings ?? []).filter(({ level }) => level === 2);
  const contents = headings.length >= HEADINGS_MIN;
  if (!contents && page.aside === undefined) return undefined;
  const label = say(page.lang, 'onThisPage');
  return html`<aside class="beside" aria-label="${label}">${page.aside}${
    contents &&
    html`<nav aria-label="${label}"><p class="label">${label}</p><ol>${headings.map(
      ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
    )}</ol></nav>`
  }</aside>`;
}

function turnPage(page: Page): Html {
  const { lang, previous, next } = page;
  return html`<nav class="turn" aria-label="${say(lang, 'previous')} / ${say(lang, 'next')}">
${previous && html`<a class="previous" rel="prev" href="${to(page, previous.path)}"><span>${say(lang, 'previous')}</span>${previous.title}</a>`}
${next && html`<a class="next" rel="next" href="${to(page, next.path)}"><span>${say(lang, 'next')}</span>${next.title}</a>`}
</nav>`;
}

function footer(page: Page): Html {
  const { lang } = page;
  return html`<footer class="foot"><p>${say(lang, 'tagline')}</p><p><a href="${to(page, 'decisions/index.html')}">${say(lang, 'navDecisions')}</a> <a href="${to(page, 'changes.html')}">${say(lang, 'navChanges')}</a></p></footer>`;
}

function searchDialog(page: Page): Html {
  const { lang } = page;
  return html`<dialog id="search-dialog" class="search" aria-label="${say(lang, 'search')}">
<form method="dialog"><label class="hidden" for="search-field">${say(lang, 'searchHint')}</label>
<input id="search-field" type="search" autocomplete="off" spellcheck="false" placeholder="${say(lang, 'searchHint')}" aria-controls="search-results">
<button class="tool" value="close">${say(lang, 'close')}</button></form>
<p class="search-status" role="status"></p><ol id="search-results"></ol></dialog>`;
}

/** Used by pages that show what only a teacher needs. */
export function slidesLink(page: Pick<Page, 'lang' | 'path'>, lab: string, step: string): Html {
  return html`<a class="teacher" href="${pageHref(page.lang, page.path, slidesPath(lab, step))}">${say(page.lang, 'slides')}</a>`;
}
