// Highlight: code with its words marked, by highlight.js, when the site is built. The style sheet gives the marks their colours.
//
// Only the languages that the course shows are loaded. A language that is not known is shown as it is, never guessed.
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import markdown from 'highlight.js/lib/languages/markdown';
import protobuf from 'highlight.js/lib/languages/protobuf';
import typescript from 'highlight.js/lib/languages/typescript';
import yaml from 'highlight.js/lib/languages/yaml';
import { escapeHtml } from './html.ts';

const LANGUAGES = {
  bash,
  css,
  diff,
  go,
  javascript,
  json,
  markdown,
  protobuf,
  typescript,
  yaml,
} as const;
const ALIASES: Readonly<Record<string, string>> = {
  ts: 'typescript',
  js: 'javascript',
  mjs: 'javascript',
  sh: 'bash',
  shell: 'bash',
  yml: 'yaml',
  md: 'markdown',
  proto: 'protobuf',
};

for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** The markup of some code. `language` is what stands after the fence, or a file's extension. */
export function highlight(code: string, language: string): string {
  const name = ALIASES[language] ?? language;
  if (hljs.getLanguage(name) === undefined) return escapeHtml(code);
  return hljs.highlight(code, { language: name, ignoreIllegals: true }).value;
}

/** The same, line by line: a mark that spans lines is closed at the end of each and opened again on the next. */
export function highlightLines(code: string, language: string): string[] {
  const open: string[] = [];
  return highlight(code, language)
    .split('\n')
    .map((line) => {
      const before = open.join('');
      for (const [tag] of line.matchAll(/<span[^>]*>|<\/span>/g)) {
        if (tag === '</span>') open.pop();
        else open.push(tag);
      }
      return before + line + '</span>'.repeat(open.length);
    });
}

/** Is this something to type into a shell? An indented block has no language, and most of them are. */
export function looksLikeShell(code: string): boolean {
  return /^(\$ )?(npm|npx|node|kubectl|docker|etcdctl|export|curl|cd|git|lab|etcd) /.test(code);
}
