// Html: text that is markup, kept apart from text that is not.
//
// html`…` escapes everything that is put into it, except what is Html already; lists are joined, undefined and false vanish.
// So a page can be written as a template, and a lesson that says `a < b` cannot break it.

/** A piece of markup. Made by html`…`, or by raw() from a renderer that escapes by itself. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

export type HtmlValue = Html | string | number | undefined | false | readonly HtmlValue[];

export const NOTHING = new Html('');

/** Trusts its argument: for what markdown-it and highlight.js have made. */
export function raw(markup: string): Html {
  return new Html(markup);
}

export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    strings
      .map((part, index) => part + (index < values.length ? show(values[index]) : ''))
      .join(''),
  );
}

function show(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(show).join('');
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

/** The words of a piece of markup, for the search and for titles. */
export function textOf(markup: Html): string {
  return markup
    .toString()
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim();
}
