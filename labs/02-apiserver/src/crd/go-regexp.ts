// go-regexp: patterns of a schema are Go's regular expressions, matched as Go matches them: in time that grows with the text, not beyond.
//
// JavaScript's own engine goes back and tries again: `^(a+)+$` on thirty letters keeps it busy for a minute, and with it everybody who
// waits for this server. Here all ways through the pattern are followed at once, a character at a time (Thompson's construction): the
// places in the program that can be reached are a set, so a text of n characters and a program of m steps take at most n × m.
//
//   a+b   0 character a → 1    1 split → 0, 2    2 character b → 3    3 match
//
// Same idea upstream: Go, regexp/exec.go and regexp/syntax; in both a pattern that is none is refused with the definition.

import {
  type Assertion,
  type Matches,
  parseGoRegexp,
  type RegexpNode,
} from './go-regexp-parser.ts';

export interface GoRegexp {
  /** Is there a match anywhere in the text? */
  test(text: string): boolean;
  /** Where the first match at or behind `from` begins and ends; of several there, the one that a Perl programmer expects. */
  find(text: string, from: number): readonly [number, number] | undefined;
  /** Steps of its program. A look at a text takes up to its length times these. */
  readonly size: number;
}

type Step =
  | { readonly kind: 'character'; readonly matches: Matches }
  | { readonly kind: 'assertion'; readonly holds: Assertion }
  | { readonly kind: 'split'; to: number[] }
  | { readonly kind: 'match' };

/** Repetitions are written out, so a short pattern may become a long program; Go refuses these, too. */
const STEPS_MAX = 10_000;
/** Schemas are judged again and again; the texts come from definitions, so there are only so many. */
const COMPILED_MAX = 2000;
const compiled = new Map<string, GoRegexp>();

/** Throws a SyntaxError for what is no regular expression. */
export function compileGoRegexp(pattern: string): GoRegexp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const program: Step[] = [];
  emit(parseGoRegexp(pattern), program);
  add(program, { kind: 'match' });
  const regexp = {
    test: (text: string) => run(program, text),
    find: (text: string, from: number) => findIn(program, text, from),
    size: program.length,
  };
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  compiled.set(pattern, regexp);
  return regexp;
}

function add(program: Step[], step: Step): void {
  if (program.length >= STEPS_MAX) throw new SyntaxError('expression too large');
  program.push(step);
}

/** Appends the steps of a node; whoever comes through goes on behind them. */
function emit(node: RegexpNode, program: Step[]): void {
  switch (node.kind) {
    case 'character':
    case 'assertion':
      add(program, node);
      break;
    case 'sequence':
      for (const part of node.nodes) emit(part, program);
      break;
    case 'either':
      emitEither(node.nodes, program);
      break;
    case 'repeat':
      emitRepeat(node, program);
      break;
    default:
      node satisfies never;
  }
}

function emitEither(nodes: readonly RegexpNode[], program: Step[]): void {
  const fork: Step = { kind: 'split', to: [] };
  const joins: { to: number[] }[] = [];
  add(program, fork);
  for (const node of nodes) {
    fork.to.push(program.length);
    emit(node, program);
    const join: Step = { kind: 'split', to: [] };
    add(program, join);
    joins.push(join);
  }
  for (const join of joins) join.to.push(program.length);
}

function emitRepeat(
  { node, min, max, isLazy }: Extract<RegexpNode, { kind: 'repeat' }>,
  program: Step[],
): void {
  for (let times = 0; times < min; times += 1) emit(node, program);
  if (max === Infinity) {
    const at = program.length;
    const loop: Step = { kind: 'split', to: [at + 1] };
    add(program, loop);
    emit(node, program);
    add(program, { kind: 'split', to: [at] });
    join(loop, program.length, isLazy);
    return;
  }
  const skips: { to: number[] }[] = [];
  for (let times = min; times < max; times += 1) {
    const skip: Step = { kind: 'split', to: [program.length + 1] };
    add(program, skip);
    skips.push(skip);
    emit(node, program);
  }
  for (const skip of skips) join(skip, program.length, isLazy);
}

/** The way past a repetition: who is lazy takes it first. */
function join(step: { to: number[] }, index: number, isLazy: boolean): void {
  if (isLazy) step.to.unshift(index);
  else step.to.push(index);
}

function run(program: readonly Step[], text: string): boolean {
  /** At which character of the text a step was last reached: no step counts twice at one place. */
  const reachedAt = new Int32Array(program.length).fill(-1);
  let waiting: number[] = [];
  let before: number | undefined;
  for (let at = 0, place = 0; ; place += 1) {
    const after = text.codePointAt(at);
    // A match may begin at every place.
    const stack = [0, ...waiting];
    waiting = [];
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      if (reachedAt[index] === place) continue;
      reachedAt[index] = place;
      const step = program[index];
      if (step === undefined) continue;
      if (step.kind === 'match') return true;
      if (step.kind === 'split') stack.push(...step.to);
      else if (step.kind === 'assertion') {
        if (step.holds(before, after)) stack.push(index + 1);
      } else if (after !== undefined && step.matches(after)) waiting.push(index + 1);
    }
    if (after === undefined) return false;
    at += after > 0xffff ? 2 : 1;
    before = after;
  }
}

interface Thread {
  readonly index: number;
  readonly start: number;
}

/** As run(), but the ways through are kept in order: what is found on one ends all that would have been tried after it. */
function findIn(
  program: readonly Step[],
  text: string,
  from: number,
): readonly [number, number] | undefined {
  const reachedAt = new Int32Array(program.length).fill(-1);
  let waiting: Thread[] = [];
  let found: readonly [number, number] | undefined;
  let before = from > 0 ? text.codePointAt(from - 1) : undefined;
  for (let at = from; ; ) {
    const after = text.codePointAt(at);
    // The last of the stack is tried first; a match that begins here is the least of all.
    const stack = waiting.reverse();
    if (found === undefined) stack.unshift({ index: 0, start: at });
    waiting = [];
    for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
      const { index, start } = thread;
      const step = program[index];
      if (step === undefined || reachedAt[index] === at) continue;
      reachedAt[index] = at;
      if (step.kind === 'match') {
        found = [start, at];
        break;
      }
      const go = (next: number): Thread => ({ index: next, start });
      if (step.kind === 'split') stack.push(...step.to.map(go).reverse());
      else if (step.kind === 'assertion') {
        if (step.holds(before, after)) stack.push(go(index + 1));
      } else if (after !== undefined && step.matches(after)) waiting.push(go(index + 1));
    }
    if (after === undefined || (found !== undefined && waiting.length === 0)) return found;
    at += after > 0xffff ? 2 : 1;
    before = after;
  }
}
