// The row of filters: their order, which of them are there, and what each tells the ones behind it.
import { silentLogger } from '@kube-labs/store';
import { describe, expect, test } from 'vitest';
import type { AuditEntry, Auditor } from '#src/audit/auditor.ts';
import type { Authorizer } from '#src/authz/authorizer.ts';
import { Exchange } from '#src/server/exchange.ts';
import { createMetrics } from '#src/server/metrics.ts';
import { buildFilters, compose, type Filter, type PipelineParts } from '#src/server/pipeline.ts';

const log = silentLogger;
const parts: PipelineParts = {
  log,
  observer: { metrics: createMetrics(), log, labelsOf: () => undefined },
  authenticator: { name: 'none', authenticate: () => ({ kind: 'none' }) },
  isAnonymousAllowed: () => true,
  requestTimeoutMs: 1000,
};
const names = (more: Partial<PipelineParts> = {}) =>
  buildFilters({ ...parts, ...more }).map(({ name }) => name);

const authorizer: Authorizer = { authorize: () => ({ decision: 'allow', reason: '' }) };
const auditor: Auditor = { begin: () => undefined };

describe('buildFilters()', () => {
  test('asks who it is before it writes that down, and what he may do last of all', () => {
    const all = names({
      auditor,
      authorizer,
      impersonator: { impersonate: () => undefined },
      flowController: { admit: () => Promise.resolve(() => undefined) },
    });
    expect(all).toEqual([
      'answerErrors',
      'requestInfo',
      'observe',
      'timeLimit',
      'authentication',
      'audit',
      'impersonation',
      'fairness',
      'authorization',
    ]);
  });

  test('leaves out what nobody configured', () => {
    expect(names()).toEqual([
      'answerErrors',
      'requestInfo',
      'observe',
      'timeLimit',
      'authentication',
    ]);
  });
});

test('compose() runs the first filter outermost and stops where one does not go on', async () => {
  const seen: string[] = [];
  const filter = (name: string, goesOn = true): Filter => ({
    name,
    async handle(_exchange, next) {
      seen.push(`${name} in`);
      if (goesOn) await next();
      seen.push(`${name} out`);
    },
  });
  const handler = async () => void seen.push('handler');
  await compose([filter('a'), filter('b')], handler)(exchangeOf('/healthz'));
  expect(seen).toEqual(['a in', 'b in', 'handler', 'b out', 'a out']);
  seen.length = 0;
  await compose([filter('a', false), filter('b')], handler)(exchangeOf('/healthz'));
  expect(seen).toEqual(['a in', 'a out']);
});

test('who is impersonated is authorized, and both are in the audit entry', async () => {
  const asked: string[] = [];
  const told: string[] = [];
  const entry: AuditEntry = {
    auditID: 'id',
    stage: (stage, { code }) => void told.push(`${stage} ${code}`),
    annotate: (key, value) => void told.push(`${key.split('/')[1]}=${value}`),
    impersonated: (user) => void told.push(`as ${user.name}`),
    requestObject() {},
    responseObject() {},
  };
  const filters = buildFilters({
    ...parts,
    auditor: {
      begin({ user }) {
        told.push(`by ${user.name}`);
        return entry;
      },
    },
    impersonator: { impersonate: () => ({ name: 'other', groups: [] }) },
    authorizer: {
      authorize({ user }) {
        asked.push(user.name);
        return { decision: 'none', reason: 'no rule' };
      },
    },
  });
  const exchange = exchangeOf('/healthz', { 'impersonate-user': 'other' });
  const inner = filters.filter(({ name }) => name !== 'answerErrors');
  await expect(compose(inner, async () => undefined)(exchange)).rejects.toThrow(
    'forbidden: User "other" cannot get path "/healthz": no rule',
  );
  expect(asked).toEqual(['other']);
  expect(exchange.originalUser?.name).toBe('system:anonymous');
  expect(exchange.request.headers['impersonate-user']).toBeUndefined();
  expect(told).toEqual([
    'by system:anonymous',
    'as other',
    'decision=forbid',
    'reason=no rule',
    'ResponseComplete 403',
  ]);
});

/** Filters that only read need no connection behind their request. */
function exchangeOf(url: string, headers: Record<string, string> = {}): Exchange {
  const request = { method: 'GET', url, headers } as unknown as Exchange['request'];
  return new Exchange({ request, signal: new AbortController().signal });
}
