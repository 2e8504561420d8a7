// Command: `lab course …`, the authors' side: prove a lab, or look at one of its prefixes.
//
//   course verify [lab]                    every proof of every lab that has a lab.yaml; exits 3 when one does not hold
//   course derive <lab> <step> <folder>    what somebody has who solved so many steps, as files
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { LabError } from '../lab/lab-error.ts';
import { deriveTree, writeTree } from './derive.ts';
import { findLabs, loadLab } from './load-lab.ts';
import type { Lab } from './model.ts';
import { repositoryRoot } from './repository.ts';
import { skeletonFiles } from './skeleton.ts';
import { holds, type VerifyReport } from './verify/proof.ts';

interface VerifyFlags {
  readonly update?: true;
  readonly json?: true;
  readonly cache: boolean;
  readonly step?: readonly number[];
  readonly results?: string;
}

/** Adds the verbs to the learner's command. */
export function courseCommand(program: Command): void {
  const course = program.command('course').description('for authors: prove a lab, derive a prefix');
  course
    .command('verify')
    .description(
      'prove that the lab teaches what it says: types, triangle, symbols, overlays, texts',
    )
    .argument('[lab]', 'for instance 01-store; default: every lab that has a lab.yaml')
    .option('--update', 'write what overlays print to their expected.txt')
    .option('--json', 'the report as JSON')
    .option('--no-cache', 'prove again what was proven on the same files')
    .option('--step <n>', 'only this step; may be given again', collectNumber)
    .option('--results <file>', 'leave the counts in a file, in the form of the test runner')
    .action(verify);
  course
    .command('derive')
    .description('write what somebody has who solved steps 1 … <step>; 0 is the skeleton')
    .argument('<lab>')
    .argument('<step>', 'a number', parseNumber)
    .argument('<folder>', 'must be empty or not there; inside the repository its imports resolve')
    .action(derive);
}

async function verify(name: string | undefined, flags: VerifyFlags): Promise<void> {
  const labs = name === undefined ? findLabs(repositoryRoot, { files: false }) : [labNamed(name)];
  // Tests bring half of vitest with them, which no other verb needs.
  const { verifyLab } = await import('./verify/verify-lab.ts');
  const stop = new AbortController();
  const onInterrupt = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', onInterrupt);
  const reports: VerifyReport[] = [];
  try {
    for (const lab of labs) {
      const report = await verifyLab(lab, {
        cache: flags.cache,
        signal: stop.signal,
        onProgress: flags.json === true ? () => {} : showProgress,
        ...(flags.update === true ? { update: true } : {}),
        ...(flags.step === undefined ? {} : { steps: flags.step }),
      });
      reports.push(report);
      if (flags.json !== true) await show(report);
    }
  } finally {
    process.off('SIGINT', onInterrupt);
  }
  if (flags.results !== undefined) writeCounts(flags.results, reports);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  // vitest sets one of its own, for the red tests that a proof wants.
  process.exitCode = reports.some(({ exitCode }) => exitCode === 3) ? 3 : 0;
}

/** The form of vitest's JSON reporter, for the runner that adds all counts up: what fails is a failed test there. */
function writeCounts(file: string, reports: readonly VerifyReport[]): void {
  const proofs = reports.flatMap((report) => report.proofs);
  const numPassedTests = proofs.filter(holds).length;
  const testResults = reports.map(({ lab, proofs }) => ({
    name: `course verify ${lab}`,
    status: proofs.every(holds) ? 'passed' : 'failed',
    assertionResults: proofs.map((proof) => ({
      fullName: proof.name,
      status: holds(proof) ? 'passed' : 'failed',
      failureMessages: proof.complaints.map(({ what, todo }) => `${what} → ${todo}`),
    })),
  }));
  const counts = { numPassedTests, numFailedTests: proofs.length - numPassedTests };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ ...counts, testResults }));
}

async function show(report: VerifyReport): Promise<void> {
  const { reportText } = await import('./verify/report.ts');
  process.stdout.write(reportText(report));
}

function showProgress(done: number, all: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(done === all ? '\r\u001b[K' : `\r\u001b[K${done} of ${all} test runs`);
}

function derive(name: string, step: number, folder: string): void {
  const lab = labNamed(name);
  if (step > lab.steps.length) throw new LabError(`${lab.id} has ${lab.steps.length} steps`);
  const target = resolve(folder);
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new LabError(`cannot write to ${folder}: it is not empty; name another folder`);
  }
  writeTree(deriveTree(lab, step), target);
  writeTree(skeletonFiles(lab, target), target);
  process.stdout.write(`${lab.id} with ${step} of ${lab.steps.length} steps solved: ${folder}\n`);
}

/** A lab by its folder's name; one that is being written may lack lessons, and the proof says so. */
function labNamed(name: string): Lab {
  const folder = join(repositoryRoot, 'labs', name);
  if (!existsSync(folder)) throw new LabError(`there is no lab ${name} in labs/`);
  return loadLab(folder, { files: false });
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('a number of steps');
  return number;
}

function collectNumber(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseNumber(text)];
}
