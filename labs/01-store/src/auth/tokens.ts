// SimpleTokens: what a client shows after it has shown its password, until it has been silent for too long.
//
// Each use gives a token its full time again. Tokens are in memory only: after a restart clients authenticate anew, as their
// libraries do by themselves when they hear "invalid auth token".
// Upstream: etcd, auth/simple_token.go. Left out: JWT.
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const LENGTH = 16;
/** Who authenticates again and again without end gets the places of the oldest. */
const TOKENS_MAX = 10_000;

interface Token {
  readonly user: string;
  expiresAtMs: number;
}

export class SimpleTokens {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  /** In the order of their last use. */
  readonly #tokens = new Map<string, Token>();

  constructor(clock: Clock, ttlSeconds: number) {
    this.#clock = clock;
    this.#ttlMs = ttlSeconds * 1000;
  }

  assign(user: string, revision: number): string {
    this.#dropExpired();
    let name = '';
    for (let i = 0; i < LENGTH; i++) name += LETTERS[randomInt(LETTERS.length)];
    const token = `${name}.${revision}`;
    this.#tokens.set(token, { user, expiresAtMs: this.#clock.now() + this.#ttlMs });
    return token;
  }

  /** Whose token this is, if it is one. */
  use(name: string): string | undefined {
    const token = this.#tokens.get(name);
    if (token === undefined) return undefined;
    this.#tokens.delete(name);
    const now = this.#clock.now();
    if (token.expiresAtMs <= now) return undefined;
    token.expiresAtMs = now + this.#ttlMs;
    this.#tokens.set(name, token);
    return token.user;
  }

  forget(user: string): void {
    for (const [name, token] of this.#tokens) if (token.user === user) this.#tokens.delete(name);
  }

  clear(): void {
    this.#tokens.clear();
  }

  #dropExpired(): void {
    const now = this.#clock.now();
    for (const [name, { expiresAtMs }] of this.#tokens) {
      if (expiresAtMs > now && this.#tokens.size < TOKENS_MAX) return;
      this.#tokens.delete(name);
    }
  }
}
