// health: /healthz, /livez and /readyz: is the server well, alive, ready.
//
//   /readyz                 ok
//   /readyz?verbose         a line a check: `[+]etcd ok`, `[-]etcd failed: reason withheld`
//   /readyz?exclude=etcd    without that check
//   /readyz/etcd            that check alone
//
// Every post-start hook is a check, `poststarthook/NAME`. A server that stops is alive but no longer ready: load balancers send
// new requests elsewhere while those under way are answered. Why a check failed stands in the log only; anybody may ask.
//
// Same rule upstream: apiserver, server/healthz/healthz.go.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@kube-labs/store';
import { send } from './responses.ts';

export interface HealthCheck {
  readonly name: string;
  /** Throws when it is not well. */
  check(): void | Promise<void>;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';

export class HealthChecks {
  readonly #log: Logger;
  readonly #checks: Record<HealthEndpoint, HealthCheck[]> = { healthz: [], livez: [], readyz: [] };

  constructor(log: Logger) {
    this.#log = log;
  }

  add(check: HealthCheck, endpoints: readonly HealthEndpoint[]): void {
    for (const endpoint of endpoints) this.#checks[endpoint].push(check);
  }

  /** `/healthz`, `/readyz/NAME`; undefined when the path is none of them. */
  async answer(path: string, query: URLSearchParams): Promise<HealthAnswer | undefined> {
    const [, endpoint, only] = /^\/(healthz|livez|readyz)(?:\/(.+?))?\/?$/.exec(path) ?? [];
    if (endpoint === undefined) return undefined;
    const checks = this.#checks[endpoint as HealthEndpoint];
    if (only === undefined) return this.#all(endpoint, checks, query);
    const found = checks.find(({ name }) => name === only);
    return found && (await answerOfOne(found));
  }

  async #all(
    endpoint: string,
    checks: readonly HealthCheck[],
    query: URLSearchParams,
  ): Promise<HealthAnswer> {
    const excluded = new Set(query.getAll('exclude'));
    const lines: string[] = [];
    const failed: string[] = [];
    for (const { name, check } of checks) {
      if (excluded.delete(name)) {
        lines.push(`[+]${name} excluded: ok`);
        continue;
      }
      try {
        await check();
        lines.push(`[+]${name} ok`);
      } catch (error) {
        failed.push(name);
        lines.push(`[-]${name} failed: reason withheld`);
        this.#log.info(`${endpoint} check failed`, { check: name, error });
      }
    }
    if (excluded.size > 0) {
      const names = [...excluded].sort().map((name) => JSON.stringify(name));
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(',')}`);
    }
    const isWell = failed.length === 0;
    if (isWell && !query.has('verbose')) return { status: 200, text: 'ok' };
    lines.push(`${endpoint} check ${isWell ? 'passed' : 'failed'}`);
    return { status: isWell ? 200 : 500, text: `${lines.join('\n')}\n` };
  }
}

export interface HealthAnswer {
  readonly status: number;
  readonly text: string;
}

async function answerOfOne({ check }: HealthCheck): Promise<HealthAnswer> {
  try {
    await check();
    return { status: 200, text: 'ok' };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { status: 500, text: `internal server error: ${why}\n` };
  }
}

export async function sendHealth(
  request: IncomingMessage,
  response: ServerResponse,
  { status, text }: HealthAnswer,
): Promise<void> {
  await send(request, response, {
    status,
    body: Buffer.from(text),
    contentType: 'text/plain; charset=utf-8',
    headers: { 'x-content-type-options': 'nosniff' },
  });
}
