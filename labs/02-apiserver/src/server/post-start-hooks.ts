// PostStartHooks: what a server does by itself once it listens: making the first namespaces, compacting the store, default roles.
//
// A hook is started when the caches are full and runs until the signal aborts. The server is ready when every hook is: by default when
// its start() resolved; a hook that goes on for ever has `ready` of its own. One that fails is started again after a while, so that
// a store that is away for a moment costs a moment.
//
// To add a hook: a file that exports a PostStartHook, handed to ApiServer.start() in `postStartHooks`, or its line in
// default-hooks.ts when every server needs it.
//
// Invariant: no hook can end the process; all have ended when ended() resolves.
// Same idea upstream: apiserver, server/hooks.go (PostStartHooks and PreShutdownHooks).

import { sleep } from '../client/clock.ts';
import type { HealthChecks } from './health.ts';
import type { ServerEnv } from './server-env.ts';

export interface HookEnv extends ServerEnv {
  /** The port that is open now. */
  readonly port: number;
}

export interface PostStartHook {
  readonly name: string;
  /** May go on until the signal aborts. Safe to start again after it threw. */
  start(env: HookEnv, signal: AbortSignal): Promise<void>;
  /** Throws while it has not done what others wait for; without it a hook is ready when start() resolved. */
  ready?(): void;
  /** Takes back what the hook has told others of this server, before anything else ends. May fail, and has little time. */
  beforeShutdown?(env: HookEnv): Promise<void>;
}

const RETRY_DELAY_MS = 1000;
const READY_CHECK_MS = 10;
/** A store that does not answer must not keep the server; one whose disk is slow has time for three writes. */
const BEFORE_SHUTDOWN_MS = 2500;

export class PostStartHooks {
  readonly #hooks: readonly PostStartHook[];
  readonly #done = new Set<string>();
  #running: readonly Promise<void>[] = [];
  #env: HookEnv | undefined;

  constructor(hooks: readonly PostStartHook[]) {
    this.#hooks = hooks;
  }

  /** Each is a check of /healthz, /livez and /readyz, as upstream. */
  addChecks(health: HealthChecks): void {
    for (const hook of this.#hooks) {
      const check = () => this.#check(hook);
      health.add({ name: `poststarthook/${hook.name}`, check }, ['healthz', 'livez', 'readyz']);
    }
  }

  start(env: HookEnv, signal: AbortSignal): void {
    this.#env = env;
    this.#running = this.#hooks.map((hook) => this.#run(hook, env, signal));
  }

  /** Resolves when all are ready, or the signal aborts. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#hooks.every((hook) => this.#isReady(hook))) {
      await sleep(READY_CHECK_MS, signal);
    }
  }

  /** Never rejects. Resolves soon, also when a hook does not get through to the store. */
  async beforeShutdown(): Promise<void> {
    const env = this.#env;
    if (env === undefined) return;
    const timer = new AbortController();
    const all = this.#hooks.map(async (hook) => {
      try {
        await hook.beforeShutdown?.(env);
      } catch (error) {
        env.log.warn(`PreShutdownHook "${hook.name}" failed`, { error });
      }
    });
    await Promise.race([Promise.all(all), sleep(BEFORE_SHUTDOWN_MS, timer.signal)]);
    timer.abort();
  }

  async ended(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #run(hook: PostStartHook, env: HookEnv, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await hook.start(env, signal);
        this.#done.add(hook.name);
        return;
      } catch (error) {
        if (signal.aborted) return;
        env.log.warn(`PostStartHook "${hook.name}" failed, it is tried again`, { error });
      }
      await sleep(RETRY_DELAY_MS, signal);
    }
  }

  #check(hook: PostStartHook): void {
    if (hook.ready !== undefined) hook.ready();
    else if (!this.#done.has(hook.name)) throw new Error('not finished');
  }

  #isReady(hook: PostStartHook): boolean {
    try {
      this.#check(hook);
      return true;
    } catch {
      return false;
    }
  }
}
