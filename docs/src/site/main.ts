#!/usr/bin/env -S npx tsx
// The course's site: `npm run docs` builds it and serves it on this machine; `npm run docs -- build` writes it to a folder.
//
// Exit codes: 0 built, 1 something in the site has to be mended (each thing is named), 2 the machine (a port in use, a full disk),
// 130 interrupted.
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { CourseError } from '../course/course-error.ts';
import { findLabs } from '../course/load-lab.ts';
import { type BuiltSite, buildSite } from './build.ts';
import { SiteError } from './problems.ts';
import { serveSite } from './serve.ts';
import { makeTranscripts } from './transcripts.ts';
import { watchSources } from './watch.ts';
import { checkFolder, writeSite } from './write.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const DEFAULT_PORT = 4100;

interface Flags {
  readonly transcripts: boolean;
}

interface ServeFlags extends Flags {
  readonly port: number;
}

interface BuildFlags extends Flags {
  readonly out: string;
  readonly externalLinks?: boolean;
}

/** Ctrl-C ends the tests that run, too, and takes their files away. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const program = new Command('npm run docs --')
  .description('The course of kube-labs as a site: lessons, map, glossary, teacher’s pages.')
  .showHelpAfterError();

program
  .command('serve', { isDefault: true })
  .description('build, serve on 127.0.0.1, and build again on every change (the default)')
  .option('--port <number>', 'port to listen on; 0 = any free one', portNumber, DEFAULT_PORT)
  .option(
    '--no-transcripts',
    'a draft: do not run the tests; pages say that transcripts are missing',
  )
  .action((flags: ServeFlags) => serve(flags));

program
  .command('build')
  .description('write static files, which work from the disk as they do from a server')
  .option(
    '--out <dir>',
    'folder to write to: empty, or made by an earlier build',
    join(ROOT, '.kube-labs/site'),
  )
  .option(
    '--no-transcripts',
    'a draft: do not run the tests; pages say that transcripts are missing',
  )
  .option('--external-links', 'list the links that leave the site; nobody follows them')
  .action((flags: BuildFlags) => write(flags));

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('a port is a number from 0 to 65535');
}

async function build({ transcripts }: Flags, signal: AbortSignal): Promise<BuiltSite> {
  const started = performance.now();
  const made = transcripts
    ? await makeTranscripts(findLabs(ROOT), {
        cacheFolder: join(ROOT, '.kube-labs/site-cache'),
        signal,
        onRun: (count) => console.log(`Running the tests for ${count} transcripts …`),
      })
    : undefined;
  const site = buildSite({ root: ROOT, transcripts: made });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`Built ${site.pageCount} pages in ${seconds} s${transcripts ? '' : ' (a draft)'}`);
  return site;
}

async function write(flags: BuildFlags): Promise<void> {
  const folder = resolve(flags.out);
  checkFolder(folder);
  const site = await build(flags, stop.signal);
  writeSite(site, folder);
  console.log(`Open ${join(folder, 'index.html')}`);
  if (!flags.externalLinks) return;
  for (const [link, files] of [...site.externalLinks].sort()) {
    console.log(`${link}  (${[...files].sort().join(', ')})`);
  }
}

async function serve({ port, ...flags }: ServeFlags): Promise<void> {
  const { signal } = stop;
  await using server = await serveSite(await build(flags, signal), { port });
  console.log(`The site: ${server.url}   (Ctrl-C ends it)`);
  watchSources(
    ROOT,
    buildsOnChange(async () => server.show(await build(flags, signal))),
    signal,
  );
  if (!signal.aborted) await once(signal, 'abort');
}

/** One build at a time; a change during a build is followed by another one. */
function buildsOnChange(buildOnce: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    running = true;
    do {
      again = false;
      await buildOnce().catch((error: unknown) => {
        if (!stop.signal.aborted) console.error(messageOf(error));
      });
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void run();
  };
}

function messageOf(error: unknown): string {
  if (error instanceof SiteError || CourseError.is(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await program.parseAsync();
  process.exitCode = 0; // The runner of the tests has set it to what red transcripts mean to it.
} catch (error) {
  const isSite = error instanceof SiteError || CourseError.is(error);
  if (stop.signal.aborted) process.exitCode = 130;
  else {
    const message = error instanceof Error ? error.message : String(error);
    console.error(isSite ? message : `Cannot go on: ${message}`);
    process.exitCode = isSite ? 1 : 2;
  }
}
