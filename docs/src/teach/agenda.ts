// agendaOf: a teacher's day, from the minutes of the steps: opening, steps, breaks, lunch, closing.
//
// Rules: the first day begins with the finished cluster, the others with a short look back; nobody works longer than WORK_MINUTES_MAX without a break, unless one step alone is longer; a day of five hours or more
// has a lunch, as near to noon as its steps allow; a step is not begun that would not end before the closing. What does not fit is named.
import type { PlannedStep, StepKey } from './classroom.ts';

export interface AgendaOptions {
  readonly hours: number;
  /** Minutes after midnight at which a day begins. */
  readonly startMinute: number;
  readonly days: number;
  readonly breakMinutes: number;
  readonly lunchMinutes: number;
}

export type AgendaKind = 'opening' | 'lookBack' | 'step' | 'break' | 'lunch' | 'closing';

export interface AgendaEntry {
  readonly kind: AgendaKind;
  readonly startMinute: number;
  readonly minutes: number;
  readonly title: string;
  /** Of a step: which. */
  readonly key?: StepKey;
}

export interface AgendaDay {
  readonly entries: readonly AgendaEntry[];
  /** Minutes that are left of the day's hours, for questions. */
  readonly spareMinutes: number;
}

export interface Agenda {
  readonly days: readonly AgendaDay[];
  /** What there was no time for, and how many minutes it needs. */
  readonly left: readonly PlannedStep[];
}

export const AGENDA_DEFAULTS: AgendaOptions = {
  hours: 6,
  startMinute: 9 * 60,
  days: 1,
  breakMinutes: 15,
  lunchMinutes: 60,
};

const OPENINGS = {
  opening: {
    minutes: 20,
    title: 'Opening: run the finished cluster, `lab doctor`, what we build today',
  },
  lookBack: { minutes: 10, title: 'Opening: where we are, what we build today' },
} as const;
const CLOSING_MINUTES = 15;
const WORK_MINUTES_MAX = 110;
const LUNCH_FROM_HOURS = 5;
const NOON_MINUTE = 12 * 60;
/** Nobody eats sooner after the start, or later before the end. */
const LUNCH_MARGIN_MINUTES = 120;

export function agendaOf(steps: readonly PlannedStep[], options: Partial<AgendaOptions>): Agenda {
  const plan = { ...AGENDA_DEFAULTS, ...options };
  const days: AgendaDay[] = [];
  let left = steps;
  while (days.length < plan.days && left.length > 0) {
    const day = dayOf(left, days.length === 0 ? 'opening' : 'lookBack', plan);
    days.push(day);
    left = left.slice(day.entries.filter(({ kind }) => kind === 'step').length);
  }
  return { days, left };
}

function dayOf(
  steps: readonly PlannedStep[],
  opening: keyof typeof OPENINGS,
  plan: AgendaOptions,
): AgendaDay {
  const endMinute = plan.startMinute + plan.hours * 60;
  const entries: AgendaEntry[] = [];
  let now = plan.startMinute;
  const add = (kind: AgendaKind, minutes: number, title: string, of: { key?: StepKey } = {}) => {
    entries.push({ kind, startMinute: now, minutes, title, ...of });
    now += minutes;
  };
  add(opening, OPENINGS[opening].minutes, OPENINGS[opening].title);
  for (const step of steps) {
    const pause = pauseBefore(step, entries, now, plan);
    if (now + (pause?.minutes ?? 0) + step.minutes + CLOSING_MINUTES > endMinute) break;
    if (pause !== undefined) add(pause.kind, pause.minutes, pause.title);
    add('step', step.minutes, step.title, { key: step.key });
  }
  add('closing', CLOSING_MINUTES, 'Closing: questions, what is next, `lab report`');
  return { entries, spareMinutes: endMinute - now };
}

function pauseBefore(
  step: PlannedStep,
  entries: readonly AgendaEntry[],
  nowMinute: number,
  { hours, startMinute, breakMinutes, lunchMinutes }: AgendaOptions,
): Pick<AgendaEntry, 'kind' | 'minutes' | 'title'> | undefined {
  const isDue = workedMinutes(entries) + step.minutes > WORK_MINUTES_MAX;
  const hasLunch = hours < LUNCH_FROM_HOURS || entries.some(({ kind }) => kind === 'lunch');
  const earliest = startMinute + LUNCH_MARGIN_MINUTES;
  const latest = startMinute + hours * 60 - LUNCH_MARGIN_MINUTES;
  const lunchTime = Math.min(Math.max(NOON_MINUTE, earliest), latest);
  const afterStep = nowMinute + (isDue ? breakMinutes : 0) + step.minutes;
  // Now is nearer than when the step is over.
  if (!hasLunch && lunchTime - nowMinute <= afterStep - lunchTime) {
    return { kind: 'lunch', minutes: lunchMinutes, title: 'Lunch' };
  }
  const rested = entries.length === 1;
  if (isDue && !rested) return { kind: 'break', minutes: breakMinutes, title: 'Break' };
  return undefined;
}

/** Minutes since the last break or lunch. */
function workedMinutes(entries: readonly AgendaEntry[]): number {
  const last = entries.findLastIndex(({ kind }) => kind === 'break' || kind === 'lunch');
  return entries.slice(last + 1).reduce((sum, { minutes }) => sum + minutes, 0);
}

/** `09:05`; after midnight it goes on from 00:00. */
export function clockTime(minute: number): string {
  const [hours, minutes] = [Math.floor(minute / 60) % 24, Math.round(minute) % 60];
  return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}

export function agendaText({ days, left }: Agenda): string {
  const lines = days.flatMap(({ entries, spareMinutes }, i) => [
    ...(days.length > 1 ? [`${i === 0 ? '' : '\n'}Day ${i + 1}`] : []),
    ...entries.map(
      ({ startMinute, minutes, title }) =>
        `${clockTime(startMinute)}  ${String(minutes).padStart(3)} min  ${title}`,
    ),
    `${' '.repeat(14)}${spareMinutes} minutes to spare`,
  ]);
  if (left.length === 0) return lines.join('\n');
  const minutes = left.reduce((sum, step) => sum + step.minutes, 0);
  const titles = left.map(({ title }) => `  ${title}`);
  return [...lines, '', `No time for (${minutes} minutes):`, ...titles].join('\n');
}
