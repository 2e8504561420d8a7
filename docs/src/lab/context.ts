// Context: where things are and how to speak to whoever called: what every verb gets.
//
// The repository is the one that this file is part of; KUBE_LABS_ROOT names another, as the tests do. The current lab is the
// one that was asked for with --lab, else the one whose folder we stand in, else the last one.
import { existsSync, realpathSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { type Paint, paintIf, wrapLines } from '../check/text.ts';
import { findLabs } from '../course/load-lab.ts';
import type { Lab, Step } from '../course/model.ts';
import { repositoryRoot } from '../course/repository.ts';
import { LabError } from './lab-error.ts';
import { nearest } from './nearest.ts';
import { type LabState, type State, StateFile } from './state.ts';

export interface Context {
  readonly root: string;
  readonly color: boolean;
  readonly width: number;
  readonly paint: Paint;
  readonly state: StateFile;
  readonly signal: AbortSignal;
  print(text: string): void;
  /** Sentences, wrapped at the width. */
  say(text: string): void;
  /** To stderr: what is no part of the answer. */
  tell(text: string): void;
  now(): string;
  /** A path as it is clickable from where the caller stands. */
  pathOf(file: string): string;
}

/** A lab together with where the learner's copy of it is. */
export interface Work {
  readonly lab: Lab;
  /** work/01-store */
  readonly folder: string;
  readonly srcFolder: string;
}

const WIDTH_MAX = 100;

export function createContext(signal: AbortSignal, env: NodeJS.ProcessEnv = process.env): Context {
  const root = realpathSync(resolve(env.KUBE_LABS_ROOT ?? repositoryRoot));
  const color = process.stdout.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const print = (text: string) => process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  const tell = (text: string) => process.stderr.write(`${wrapLines(text, widthOfErrors())}\n`);
  const width = Math.min(WIDTH_MAX, process.stdout.columns ?? 80);
  return {
    root,
    color,
    width,
    paint: paintIf(color),
    state: new StateFile(join(root, 'work', '.lab', 'state.json'), tell),
    signal,
    print,
    say: (text) => print(wrapLines(text, width)),
    tell,
    now: () => new Date().toISOString(),
    pathOf: (file) => pathFromHere(root, file),
  };
}

/** Of what goes to stderr. */
export const widthOfErrors = (): number => Math.min(WIDTH_MAX, process.stderr.columns ?? 80);

function pathFromHere(root: string, file: string): string {
  const here = realpathSync(process.cwd());
  const inside = here === root || here.startsWith(root + sep);
  const path = relative(inside ? here : root, file);
  return (path === '' ? '.' : path).split(sep).join('/');
}

export function labsOf({ root }: Context): readonly Lab[] {
  if (!existsSync(join(root, 'labs'))) {
    throw new LabError(
      `Cannot find the labs as ${root} has no folder labs: run this inside kube-labs`,
    );
  }
  return findLabs(root, { symbols: false, files: false });
}

export function workOf({ root }: Context, lab: Lab): Work {
  const folder = join(root, 'work', lab.id);
  return { lab, folder, srcFolder: join(folder, 'src') };
}

/** By id, number or name: `01-store`, `1`, `store`. */
export function labNamed(context: Context, wanted: string): Lab {
  const labs = labsOf(context);
  const result = nearest(
    wanted,
    labs.map((lab) => ({
      names: [
        lab.id,
        lab.id.replace(/^\d+-/, ''),
        lab.id.slice(0, 2),
        String(Number(lab.id.slice(0, 2))),
      ],
      value: lab,
    })),
    { nearMax: labs.length },
  );
  if ('found' in result) return result.found;
  throw new LabError(`There is no lab ${wanted}; there is ${result.near.join(', ')}`);
}

/** The lab that the caller means; `wanted` is what --lab said. */
export function currentLab(context: Context, wanted: string | undefined): Lab {
  if (wanted !== undefined) return labNamed(context, wanted);
  const here = relative(context.root, realpathSync(process.cwd())).split(sep);
  const labs = labsOf(context);
  const standing =
    here[0] === 'work' || here[0] === 'labs' ? labs.find(({ id }) => id === here[1]) : undefined;
  if (standing !== undefined) return standing;
  const { current } = context.state.read();
  const last = labs.find(({ id }) => id === current);
  if (last !== undefined) return last;
  const [first] = labs;
  throw new LabError(
    `No lab has been started yet: npx lab start${first === undefined ? '' : ` ${first.id}`}`,
  );
}

/** The learner's copy, which must have been started. */
export function startedWork(
  context: Context,
  wanted: string | undefined,
): Work & { readonly state: LabState; readonly all: State } {
  const work = workOf(context, currentLab(context, wanted));
  const all = context.state.read();
  const state = all.labs[work.lab.id];
  if (state === undefined || !existsSync(work.folder)) {
    throw new LabError(`Lab ${work.lab.id} has not been started yet: npx lab start ${work.lab.id}`);
  }
  return { ...work, state, all };
}

/** For what can be read without a copy of one's own: a lab that is not started begins at its first step. */
export function startedOrNamed(
  context: Context,
  wanted: string | undefined,
): Work & { readonly state: LabState } {
  const { current } = context.state.read();
  const labs = labsOf(context);
  const [first] = labs;
  const lab =
    wanted === undefined && current === undefined && first !== undefined
      ? first
      : currentLab(context, wanted);
  const state = context.state.read().labs[lab.id];
  return {
    ...workOf(context, lab),
    state: state ?? {
      startedAt: '',
      contract: lab.contract,
      course: '',
      step: firstStep(lab).id,
      steps: {},
    },
  };
}

/** By number, id or name: `2`, `2-ranges`, `ranges`; without a name the current one. */
export function stepNamed({ lab, state }: { lab: Lab; state: LabState }, wanted?: string): Step {
  if (wanted === undefined) return lab.steps.find(({ id }) => id === state.step) ?? firstStep(lab);
  const found = findStep(lab, wanted);
  if ('found' in found) return found.found;
  throw new LabError(`Lab ${lab.id} has no step ${wanted}; there is ${found.near.join(', ')}`);
}

export function findStep(lab: Lab, wanted: string) {
  return nearest(
    wanted,
    lab.steps.map((step) => ({
      names: [step.id, String(step.number), step.id.replace(/^\d+-/, '')],
      value: step,
    })),
    { nearMax: lab.steps.length },
  );
}

export function firstStep(lab: Lab): Step {
  const [first] = lab.steps;
  if (first === undefined) throw new LabError(`Lab ${lab.id} has no steps`, 3);
  return first;
}
