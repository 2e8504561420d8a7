// AgendaPage: what a workshop of one day, of two days, or a course of eight weeks does when, computed from the minutes of the steps by
// the same planner that `lab teach agenda` uses.
import { type Agenda, type AgendaEntry, agendaOf, clockTime } from '../teach/agenda.ts';
import type { BuildContext } from './build-context.ts';
import { type LabInfo, labTitle, stepPath, stepTitle } from './catalog.ts';
import { type Html, html } from './html.ts';
import { type Heading, type Lang, type Page, pageHref } from './page.ts';
import { searchSections } from './search-index.ts';
import { say, sayLab, sayMinutes, type UiKey } from './ui.ts';

export const AGENDA_PATH = 'agenda.html';
const HOURS_A_DAY = 7;
/** A lab's steps need no more than this: a test keeps it so. */
export const WEEK = { days: 3, hours: 4 };

/** A step as the planner knows it, and where its page is. */
interface LinkedStep {
  readonly key: string;
  readonly title: string;
  readonly minutes: number;
  readonly path: string;
}

export function agendaPage(build: BuildContext, lang: Lang): Page {
  const title = say(lang, 'agenda');
  const labs = build.labs.filter(({ course }) => course !== undefined);
  const headings: Heading[] = [];
  const part = (key: UiKey, id: string, body: Html): Html => {
    headings.push({ level: 2, id, title: say(lang, key) });
    return html`<section><h2 id="${id}">${say(lang, key)}</h2>${body}</section>`;
  };
  const steps = labs.flatMap((lab) => stepsOf(build, lab, lang));
  const plan = (days: number): Html =>
    planMarkup(agendaOf(steps, { days, hours: HOURS_A_DAY }), steps, lang);
  const parts = html`${part('agendaOneDay', 'one-day', plan(1))}
${part('agendaTwoDays', 'two-days', plan(2))}
${part('agendaEightWeeks', 'eight-weeks', weeks(build, lang))}`;
  const main = html`<header class="page-head"><h1>${title}</h1><p>${say(lang, 'agendaIntro')}</p></header>
${labs.length === 0 ? html`<p>${say(lang, 'agendaNone')}</p>` : parts}`;
  return {
    path: AGENDA_PATH,
    lang,
    title,
    from: 'labs/*/lab.yaml',
    main,
    translated: true,
    headings,
    search: searchSections(main, title),
  };
}

function stepsOf({ site }: BuildContext, lab: LabInfo, lang: Lang): LinkedStep[] {
  const number = sayLab(lang, lab);
  const name = labTitle(site.root, lab, lang);
  return (lab.course?.steps ?? []).map((step) => ({
    key: `${lab.id}/${step.id}`,
    title: `${number} ${name} · ${step.number} ${stepTitle(step, lang)}`,
    minutes: step.minutes,
    path: stepPath(lab.id, step.id),
  }));
}

/** A lab a week, in three sessions of four hours. */
function weeks(build: BuildContext, lang: Lang): Html {
  return html`${build.labs.map((lab) => {
    const title = `${say(lang, 'agendaWeek', { n: lab.number })} · ${labTitle(build.site.root, lab, lang)}`;
    if (lab.course === undefined) {
      return html`<h3>${title}</h3><p class="quiet">${say(lang, 'noLessons')}</p>`;
    }
    const steps = stepsOf(build, lab, lang);
    const plan = agendaOf(steps, WEEK);
    return html`<h3>${title}</h3>${planMarkup(plan, steps, lang)}`;
  })}`;
}

function planMarkup({ days, left }: Agenda, steps: readonly LinkedStep[], lang: Lang): Html {
  const labels = left.map(({ title, minutes }) => `${title} (${sayMinutes(lang, minutes)})`);
  return html`${days.map(
    (
      { entries, spareMinutes },
      index,
    ) => html`<div class="table" tabindex="0"><table class="agenda"><caption>${say(lang, 'agendaDay', { n: index + 1 })}</caption>
<thead><tr><th scope="col">${say(lang, 'agendaTime')}</th><th scope="col">${say(lang, 'agendaWhat')}</th><th scope="col">${say(lang, 'minutesColumn')}</th></tr></thead>
<tbody>${entries.map((entry) => row(entry, steps, lang))}</tbody></table></div>
<p class="quiet">${say(lang, 'agendaSpare', { n: spareMinutes })}</p>`,
  )}<p class="quiet">${left.length === 0 ? say(lang, 'agendaFits') : say(lang, 'agendaLeft', { steps: labels.join('; ') })}</p>`;
}

const PAUSES = {
  opening: 'agendaOpening',
  lookBack: 'agendaLookBack',
  break: 'agendaBreak',
  lunch: 'agendaLunch',
  closing: 'agendaClosing',
} as const;

function row(entry: AgendaEntry, steps: readonly LinkedStep[], lang: Lang): Html {
  const step = steps.find(({ key }) => key === entry.key);
  const what =
    entry.kind === 'step'
      ? html`<a href="${step && pageHref(lang, AGENDA_PATH, step.path)}">${entry.title}</a>`
      : say(lang, PAUSES[entry.kind]);
  return html`<tr class="${entry.kind}"><td>${clockTime(entry.startMinute)}</td><td>${what}</td><td>${entry.minutes}</td></tr>`;
}
