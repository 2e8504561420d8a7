// TranscriptView: what the tests of a step printed, as a terminal shows it.
//
// In a draft nothing was run, and the block says so: a transcript is never made up.
import type { Lab, Step } from '../course/model.ts';
import type { BuildContext, TranscriptKind } from './build-context.ts';
import { type Html, html } from './html.ts';
import type { Lang } from './page.ts';
import { say } from './ui.ts';

interface TranscriptPlace {
  readonly lab: Lab;
  readonly step: Step;
  readonly lang: Lang;
}

export function transcriptBlock(
  { transcripts }: BuildContext,
  { lab, step, lang }: TranscriptPlace,
  kind: TranscriptKind,
): Html {
  const title = say(lang, kind === 'red' ? 'expectedRed' : 'expectedGreen');
  const command = 'npx lab check';
  if (transcripts === undefined) {
    return html`<figure class="code transcript ${kind}"><figcaption>${title}</figcaption><p class="draft">${say(lang, 'noTranscript')}</p></figure>\n`;
  }
  const lines = colouredLines(transcripts.of(lab, step, kind));
  return html`<figure class="code transcript ${kind}"><figcaption>${title} <span>${say(lang, 'transcriptBy')}</span></figcaption><pre tabindex="0"><code><span class="command">$ ${command}\n</span>${lines.map(
    ({ text, kind: colour }) => html`<span class="${colour}">${text}\n</span>`,
  )}</code></pre></figure>\n`;
}

/** Each line with the colour of the mark it begins with; a sentence that goes on in the next line keeps its colour. */
export function colouredLines(transcript: string): { text: string; kind: string }[] {
  let last = 'said';
  return transcript
    .replace(/\n+$/, '')
    .split('\n')
    .map((text) => {
      const goesOn = last !== 'said' && /^ {4,}\S/.test(text) && !/^\s*[✓✗○·]/.test(text);
      last = goesOn ? last : lineKind(text);
      return { text, kind: last };
    });
}

function lineKind(line: string): string {
  const mark = /^\s*([✓✗○·])/.exec(line)?.[1];
  return KINDS[mark ?? ''] ?? 'said';
}

const KINDS: Readonly<Record<string, string>> = {
  '✓': 'passed',
  '✗': 'failed',
  '○': 'unwritten',
  '·': 'waiting',
};
