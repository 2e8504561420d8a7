// Catalog: all labs in order, with what their lab.yaml and their README say about them.
//
// A lab without a lab.yaml has no lessons yet, but it works and has a README: it stands in the catalog all the same, marked by `course`
// being undefined.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLabs } from '../course/load-lab.ts';
import type { Lab } from '../course/model.ts';
import { PART_OF_LAB } from './cluster-map.ts';
import type { PartId } from './cluster-map-layout.ts';
import type { Lang } from './page.ts';

export interface Readme {
  /** Path in the repository. */
  readonly file: string;
  readonly text: string;
  readonly translated: boolean;
  /** `Store`, of `# Lab 01 · Store`. */
  readonly title: string;
  /** The first paragraph: what one builds. */
  readonly intro: string;
  /** What stands behind "You need:". */
  readonly needs: string | undefined;
}

export interface LabInfo {
  readonly id: string;
  /** 1 … 8 */
  readonly number: number;
  readonly part: PartId;
  /** `labs/01-store` */
  readonly folder: string;
  readonly course: Lab | undefined;
  /** Of all steps, or what the README says; undefined when nobody says anything. */
  readonly minutes: number | undefined;
}

export function readCatalog(root: string): LabInfo[] {
  const courses = new Map(findLabs(root).map((lab) => [lab.id, lab]));
  return readdirSync(join(root, 'labs'))
    .filter((id) => /^\d\d-/.test(id) && existsSync(join(root, 'labs', id, 'README.md')))
    .sort()
    .map((id) => {
      const course = courses.get(id);
      return {
        id,
        number: Number(id.slice(0, 2)),
        part: partOf(id, course),
        folder: `labs/${id}`,
        course,
        minutes: course ? minutesOf(course) : minutesInReadme(root, id),
      };
    });
}

export function minutesOf({ steps }: Lab): number {
  return steps.reduce((sum, { minutes }) => sum + minutes, 0);
}

function partOf(id: string, course: Lab | undefined): PartId {
  const known = Object.values(PART_OF_LAB).find((part) => part === course?.part);
  return known ?? PART_OF_LAB[id] ?? 'cluster';
}

function minutesInReadme(root: string, id: string): number | undefined {
  const [firstScreen = ''] = readFileSync(join(root, 'labs', id, 'README.md'), 'utf8').split(
    /^## /m,
  );
  const minutes = /\b(\d{2,4}) minutes\b/.exec(firstScreen)?.[1];
  return minutes === undefined ? undefined : Number(minutes);
}

/** The file in that language, or in English. */
export function localized(
  root: string,
  file: string,
  lang: Lang,
): { file: string; translated: boolean } {
  const own = file.replace(/\.md$/, `.${lang}.md`);
  if (lang !== 'en' && existsSync(join(root, own))) return { file: own, translated: true };
  return { file, translated: lang === 'en' };
}

export function readReadme(root: string, { folder, id }: LabInfo, lang: Lang): Readme {
  const { file, translated } = localized(root, `${folder}/README.md`, lang);
  const text = readFileSync(join(root, file), 'utf8');
  const [, heading = id] = /^# (.*)$/m.exec(text) ?? [];
  const [intro = ''] = text
    .replace(/^# .*$/m, '')
    .trim()
    .split(/\n\s*\n/);
  const needs = /(?:You\s+need|前置条件)[:：]\s*([^|]*)/
    .exec(text)?.[1]
    ?.replace(/\s+/g, ' ')
    .trim();
  return {
    file,
    text,
    translated,
    title: heading.replace(/^.*·\s*/, ''),
    intro: intro.replace(/\s+/g, ' '),
    needs,
  };
}

export interface Introduction {
  readonly file: string;
  readonly translated: boolean;
  /** The first paragraph. */
  readonly lead: string;
  /** What follows it: what one needs, how to work. */
  readonly body: string;
}

/** steps/intro.md, the way into a lab that has lessons; or what its README says first. */
export function readIntroduction(root: string, lab: LabInfo, lang: Lang): Introduction {
  const english = `${lab.folder}/steps/intro.md`;
  if (lab.course === undefined || !existsSync(join(root, english))) {
    const { file, translated, intro } = readReadme(root, lab, lang);
    return { file, translated, lead: intro, body: '' };
  }
  const { file, translated } = localized(root, english, lang);
  const text = readFileSync(join(root, file), 'utf8')
    .replace(/^# .*$/m, '')
    .trim();
  const [lead = '', ...rest] = text.split(/\n\s*\n/);
  return { file, translated, lead: lead.replace(/\s+/g, ' '), body: rest.join('\n\n') };
}

/** The lab's name in that language. */
export function labTitle(root: string, lab: LabInfo, lang: Lang): string {
  return lab.course?.titles[lang] ?? readReadme(root, lab, lang).title;
}

export function stepTitle(step: Lab['steps'][number], lang: Lang): string {
  return step.titles[lang] ?? step.title;
}

export const labPath = (id: string): string => `labs/${id}/index.html`;
export const stepPath = (lab: string, step: string): string => `labs/${lab}/${step}.html`;
export const slidesPath = (lab: string, step: string): string => `labs/${lab}/${step}.slides.html`;
