// Supervisor: keeps a container's components running, and their last words on disk.
//
// Starts its programs in order, starts one again when it dies (after a pause that doubles from 0.1 s to 5 s
// and is forgotten after ten quiet seconds), and stops them in reverse order when it is told to stop. What a
// program prints goes to <logDir>/<program>.log. `state()` is what `status` shows.
//
// Invariants: a program runs at most once; no program is started after stop() was called; stop() ends within
// its grace, by SIGKILL if need be, so that Docker's ten seconds for the container are never used up.
//
// Upstream: in kubeadm's clusters the kubelet plays this part with static pods, and systemd for the kubelet.

import { type ChildProcess, spawn } from 'node:child_process';
import type { LogFile } from './log-file.ts';
import type { Program } from './programs.ts';

export interface ProgramState {
  readonly name: string;
  readonly state: 'running' | 'waiting' | 'stopped';
  readonly pid?: number;
  readonly restarts: number;
  /** ISO time of the last change of `state`. */
  readonly since: string;
  /** How it ended last time: `exit code 1`, `signal SIGKILL`. */
  readonly lastExit?: string;
  readonly health?: string;
}

export interface SupervisorDeps {
  readonly openLog: (program: string) => LogFile;
  /** Called after every change; the whole list each time. */
  readonly onChange: (states: readonly ProgramState[]) => void;
  readonly say: (line: string) => void;
  readonly stopGraceMs?: number;
}

const delayMinMs = 100;
const delayMaxMs = 5_000;
const quietMs = 10_000;
const lastOutputMs = 300;

/** How long a program that ran for `ranMs` waits before it is started again. */
export function restartDelayMs(previousMs: number, ranMs: number): number {
  if (previousMs === 0 || ranMs >= quietMs) return delayMinMs;
  return Math.min(previousMs * 2, delayMaxMs);
}

interface Slot {
  readonly program: Program;
  readonly log: LogFile;
  child?: ChildProcess;
  timer?: NodeJS.Timeout;
  delayMs: number;
  startedAt: number;
  state: ProgramState;
}

export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #slots: Slot[];
  #stopping = false;

  constructor(programs: readonly Program[], deps: SupervisorDeps) {
    this.#deps = deps;
    this.#slots = programs.map((program) => ({
      program,
      log: deps.openLog(program.name),
      delayMs: 0,
      startedAt: 0,
      state: {
        name: program.name,
        state: 'stopped',
        restarts: 0,
        since: new Date().toISOString(),
        ...(program.health === undefined ? {} : { health: program.health }),
      },
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#startProgram(slot);
  }

  state(): readonly ProgramState[] {
    return this.#slots.map((slot) => slot.state);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const ended: Promise<void>[] = [];
    for (const slot of this.#slots.toReversed()) {
      clearTimeout(slot.timer);
      if (slot.child === undefined) continue;
      ended.push(endOf(slot.child));
      slot.child.kill('SIGTERM');
    }
    const killer = setTimeout(() => {
      for (const slot of this.#slots) slot.child?.kill('SIGKILL');
    }, this.#deps.stopGraceMs ?? 7_000);
    await Promise.all(ended);
    clearTimeout(killer);
  }

  #startProgram(slot: Slot): void {
    const [file = '', ...args] = slot.program.command;
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    slot.child = child;
    slot.startedAt = Date.now();
    child.stdout.on('data', (chunk: Buffer) => slot.log.write(chunk));
    child.stderr.on('data', (chunk: Buffer) => slot.log.write(chunk));
    if (child.pid === undefined) {
      // It could not be started at all; there is no 'exit' then.
      child.once('error', (error) => this.#ended(slot, error.message));
      return;
    }
    // Not 'close': a grandchild that kept our pipe would hold it back for ever.
    child.once('exit', (code, signal) =>
      this.#ended(slot, signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
    this.#set(slot, { state: 'running', pid: child.pid });
  }

  #ended(slot: Slot, lastExit: string): void {
    delete slot.child;
    if (this.#stopping) {
      this.#set(slot, { state: 'stopped', lastExit });
      return;
    }
    slot.delayMs = restartDelayMs(slot.delayMs, Date.now() - slot.startedAt);
    slot.timer = setTimeout(() => this.#startProgram(slot), slot.delayMs);
    this.#deps.say(`${slot.program.name} ended (${lastExit}), again in ${slot.delayMs} ms`);
    this.#set(slot, { state: 'waiting', lastExit, restarts: slot.state.restarts + 1 });
  }

  #set(slot: Slot, change: Partial<ProgramState>): void {
    const { pid: _, ...rest } = slot.state;
    slot.state = { ...rest, since: new Date().toISOString(), ...change };
    this.#deps.onChange(this.state());
  }
}

/** After its last output, for which a grandchild that keeps the pipe open is not waited. */
function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.once('exit', () => setTimeout(resolve, lastOutputMs));
  });
}
