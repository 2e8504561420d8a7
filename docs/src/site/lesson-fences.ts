// LessonFences: the blocks of a lesson that the build fills.
//
//   ```ts pull src/kv.ts#prefixEnd         the reference's code, so that a lesson never shows what is not there any more
//   ```ts pull src/kv.ts#prefixEnd stub    the same as the learner finds it
//   ```transcript red                      what the tests printed when the site was built
import { CourseError } from '../course/course-error.ts';
import { pullCode } from '../course/pull-code.ts';
import { parseRef } from '../course/symbols.ts';
import { referencePath } from './code-links.ts';
import { type Html, html, NOTHING } from './html.ts';
import { codeBlock } from './markdown.ts';
import { pageHref } from './page.ts';
import type { StepRenderer } from './step-place.ts';
import { transcriptBlock } from './transcript-view.ts';
import { say } from './ui.ts';

/** Undefined for a block of ordinary code. */
export function fillFence(
  renderer: Pick<StepRenderer, 'build' | 'lab' | 'step' | 'lang' | 'context' | 'shown'>,
  info: string,
): Html | undefined {
  const { build, lab, step, lang, context, shown } = renderer;
  const transcript = /^transcript\s+(red|green)$/.exec(info)?.[1];
  if (transcript === 'red' || transcript === 'green') {
    shown.add(transcript);
    return transcriptBlock(build, { lab, step, lang }, transcript);
  }
  const [, symbol, stub] = /^ts pull (\S+\.ts#.+?)(\s+stub)?$/.exec(info) ?? [];
  if (symbol === undefined) return undefined;
  try {
    const { file: path, name } = parseRef(symbol);
    const code = pullCode(lab, symbol, { form: stub === undefined ? 'reference' : 'stub' });
    const target =
      stub === undefined
        ? referencePath(build.site, `labs/${lab.id}/${path}`, name)
        : context.codeLink?.(symbol);
    const caption = html`<a href="${target && pageHref(lang, context.path, target)}"><code>${path}</code> ${name}</a>${stub && html` <span>${say(lang, 'skeleton')}</span>`}`;
    return codeBlock(code, 'ts', caption);
  } catch (error) {
    if (!CourseError.is(error)) throw error;
    build.site.complain(context.file, `pulls ${symbol}: ${error.message}`);
    return NOTHING;
  }
}
