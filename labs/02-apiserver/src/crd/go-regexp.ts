// go-regexp: patterns of a schema are Go's regular expressions; here they become JavaScript's.
//
// The two agree on nearly everything that people write. Differences that occur are translated: flags at the beginning (`(?i)`),
// named groups (`(?P<name>…)`), `\A` and `\z`, and POSIX classes (`[[:alpha:]]`). A pattern that is none in JavaScript is refused with
// the CustomResourceDefinition, so that no object has to be judged by it.
//
// Left out: Go's guarantee of linear time. JavaScript goes back and tries again, so a pattern such as `(a+)+$` is slow on
// purpose-made input; who may create CustomResourceDefinitions may do worse, and objects are limited in size.

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
/** Schemas are judged again and again; the texts come from definitions, so there are only so many. */
const COMPILED_MAX = 2000;
const compiled = new Map<string, RegExp>();

/** Throws a SyntaxError for what is no regular expression. */
export function compileGoRegexp(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const { source, flags } = translate(pattern);
  const regexp = compile(source, flags);
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  compiled.set(pattern, regexp);
  return regexp;
}

/** With `u` a character beyond 16 bits is one, as in Go; but `u` forbids escapes that Go allows, such as `\-`. */
function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    return new RegExp(source, flags);
  }
}

function translate(pattern: string): { source: string; flags: string } {
  const leading = /^\(\?([ims]+)\)/.exec(pattern);
  const source = pattern
    .slice(leading?.[0].length ?? 0)
    .replace(/\\[\s\S]|\(\?P<|\[:(\^?)(\w+):\]/g, (found, negated?: string, name?: string) => {
      if (found === '\\A') return '^';
      if (found === '\\z') return '$';
      if (found === '(?P<') return '(?<';
      const range = name === undefined ? undefined : POSIX[name];
      return range === undefined || negated === '^' ? found : range;
    });
  return { source, flags: leading?.[1] ?? '' };
}
