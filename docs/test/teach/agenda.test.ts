// The agenda: steps, breaks and lunch fit into the hours, and what does not fit is named.
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../src/course/repository.ts';
import { WEEK } from '../../src/site/agenda-page.ts';
import { type Agenda, agendaOf, agendaText, clockTime } from '../../src/teach/agenda.ts';
import { planOf } from '../../src/teach/plan.ts';

const steps = (...minutes: number[]) =>
  minutes.map((m, i) => ({ key: `lab/${i + 1}`, title: `Step ${i + 1}`, minutes: m }));
const labOf = ({ key }: { readonly key: string }) => key.split('/')[0];
const lines = ({ days }: Agenda) =>
  days.map(({ entries }) =>
    entries.map(({ kind, startMinute, minutes }) => `${clockTime(startMinute)} ${kind} ${minutes}`),
  );

describe('agendaOf()', () => {
  test('plans a day of six hours with a break, and a lunch at noon', () => {
    expect(lines(agendaOf(steps(45, 45, 60, 60, 50, 45), { hours: 6 }))).toEqual([
      [
        '09:00 opening 20',
        '09:20 step 45',
        '10:05 step 45',
        '10:50 break 15',
        '11:05 step 60',
        '12:05 lunch 60',
        '13:05 step 60',
        '14:05 closing 15',
      ],
    ]);
  });

  test('says which step an entry is, and of what is no step nothing', () => {
    const [day] = agendaOf(steps(45, 45), { hours: 3 }).days;
    expect(day?.entries.map(({ key }) => key)).toEqual([undefined, 'lab/1', 'lab/2', undefined]);
  });

  test('names what there was no time for', () => {
    const { days, left } = agendaOf(steps(60, 60, 60), { hours: 2 });
    expect(days.map(({ spareMinutes }) => spareMinutes)).toEqual([25]);
    expect(left.map(({ title }) => title)).toEqual(['Step 2', 'Step 3']);
  });

  test('goes on the next day, and needs no day more than there is work', () => {
    const { days, left } = agendaOf(steps(60, 60, 60), { hours: 2, days: 9 });
    expect([days.length, left.length]).toEqual([3, 0]);
    expect(lines({ days, left }).map(([first]) => first)).toEqual([
      '09:00 opening 20',
      '09:00 lookBack 10',
      '09:00 lookBack 10',
    ]);
  });

  test('half a day has no lunch', () => {
    const [day] = lines(agendaOf(steps(45, 45, 45), { hours: 4 }));
    expect(day?.some((line) => line.includes('lunch'))).toBe(false);
  });

  test('holds for random days: nothing overlaps, nothing is lost, nobody works too long', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const minutes = Array.from(
        { length: 1 + (seed % 9) },
        (_, i) => 20 + ((seed * (i + 7)) % 41),
      );
      const hours = 2 + (seed % 8);
      const { days, left } = agendaOf(steps(...minutes), { hours, days: 1 + (seed % 3) });
      const planned = days.flatMap(({ entries }) => entries.filter(({ kind }) => kind === 'step'));
      expect([seed, planned.length + left.length]).toEqual([seed, minutes.length]);
      for (const { entries, spareMinutes } of days) {
        let now = 9 * 60;
        let worked = 0;
        for (const { kind, startMinute, minutes: length } of entries) {
          expect([seed, startMinute]).toEqual([seed, now]);
          now += length;
          worked = kind === 'break' || kind === 'lunch' ? 0 : worked + length;
          if (kind === 'step') expect(worked, `seed ${seed}`).toBeLessThanOrEqual(110);
        }
        expect([seed, now + spareMinutes]).toEqual([seed, (9 + hours) * 60]);
        expect(spareMinutes, `seed ${seed}`).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

test('each lab fits the week that the plan of eight weeks gives it', () => {
  const plan = planOf(repositoryRoot);
  const labs = new Set(plan.map(labOf));
  expect(labs.size).toBeGreaterThan(0);
  for (const lab of labs) {
    const { left } = agendaOf(
      plan.filter((step) => labOf(step) === lab),
      WEEK,
    );
    expect([lab, ...left.map(({ title }) => title)]).toEqual([lab]);
  }
});

test('agendaText() is read from the wall', () => {
  expect(agendaText(agendaOf(steps(45, 60), { hours: 2, startMinute: 8 * 60 + 30 }))).toBe(
    [
      '08:30   20 min  Opening: run the finished cluster, `lab doctor`, what we build today',
      '08:50   45 min  Step 1',
      '09:35   15 min  Closing: questions, what is next, `lab report`',
      '              40 minutes to spare',
      '',
      'No time for (60 minutes):',
      '  Step 2',
    ].join('\n'),
  );
});
