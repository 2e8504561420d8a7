// StepPlace: which step of which lab in which language a page is about, what its parts are rendered from, and what is around it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Step } from '../course/model.ts';
import type { BuildContext, TranscriptKind } from './build-context.ts';
import { type LabInfo, labPath, labTitle, stepPath, stepTitle } from './catalog.ts';
import type { MarkdownContext } from './markdown.ts';
import type { Lang, Page, PageLink } from './page.ts';
import type { Teaching } from './sections.ts';
import { say, sayLab } from './ui.ts';

export interface StepPlace {
  readonly info: LabInfo;
  readonly lab: Lab;
  readonly step: Step;
  readonly lang: Lang;
}

/** Everything that a section of the page is rendered from. */
export interface StepRenderer extends StepPlace {
  readonly build: BuildContext;
  readonly context: MarkdownContext;
  readonly teaching: Teaching;
  /** Kinds of transcript that the lesson has shown by itself. */
  readonly shown: Set<TranscriptKind>;
}

export const readText = ({ site }: BuildContext, file: string): string =>
  readFileSync(join(site.root, file), 'utf8');

export function crumbsOf(build: BuildContext, { info, lang }: StepPlace): PageLink[] {
  const lab = `${sayLab(lang, info)} · ${labTitle(build.site.root, info, lang)}`;
  return [
    { title: say(lang, 'navLabs'), path: 'index.html#labs' },
    { title: lab, path: labPath(info.id) },
  ];
}

export function neighbours(
  build: BuildContext,
  { info, lab, step, lang }: StepPlace,
): Pick<Page, 'previous' | 'next'> {
  const link = (other: Step): PageLink => ({
    title: `${other.number} · ${stepTitle(other, lang)}`,
    path: stepPath(lab.id, other.id),
  });
  const before = lab.steps[step.number - 2];
  const after = lab.steps[step.number];
  const nextLab = build.labs.find(({ number }) => number === info.number + 1);
  const first = { title: labTitle(build.site.root, info, lang), path: labPath(info.id) };
  const next = after
    ? link(after)
    : nextLab && { title: labTitle(build.site.root, nextLab, lang), path: labPath(nextLab.id) };
  return { previous: before ? link(before) : first, ...(next && { next }) };
}
