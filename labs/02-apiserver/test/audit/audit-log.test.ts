// What stands in the audit log: the events' JSON, and a file that is put aside when it is full.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AuditRecord, auditIdOf, auditLine } from '#src/audit/audit-event.ts';
import { AuditLogFile } from '#src/audit/log-file.ts';
import type { Level } from '#src/audit/policy.ts';

const RECEIVED_MS = Date.parse('2026-01-31T10:20:30.123Z');
const OBJECT = { metadata: { name: 'db', managedFields: [{ manager: 'kubectl' }] }, data: {} };

function recordOf(level: Level, change: Partial<AuditRecord> = {}): AuditRecord {
  return {
    auditID: 'id-1',
    level,
    omitManagedFields: false,
    requestURI: '/api/v1/namespaces/default/secrets/db?dryRun=All',
    attributes: {
      user: { name: 'ada', uid: 'u1', groups: ['dev'], extra: { from: ['here'] } },
      verb: 'update',
      isResourceRequest: true,
      namespace: 'default',
      apiGroup: '',
      apiVersion: 'v1',
      resource: 'secrets',
      subresource: '',
      name: 'db',
      path: '/api/v1/namespaces/default/secrets/db',
    },
    sourceIPs: ['127.0.0.1'],
    userAgent: 'kubectl/v1.33.1',
    receivedMs: RECEIVED_MS + 0.456,
    requestObject: OBJECT,
    responseObject: { items: [OBJECT] },
    code: 200,
    annotations: {},
    ...change,
  };
}

test('an event of level Metadata has who, what, when and the code, and no body', () => {
  const record = recordOf('Metadata', {
    impersonatedUser: { name: 'bob', groups: [] },
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  });
  expect(JSON.parse(auditLine(record, 'ResponseComplete', RECEIVED_MS + 10))).toEqual({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: 'id-1',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/default/secrets/db?dryRun=All',
    verb: 'update',
    user: { username: 'ada', uid: 'u1', groups: ['dev'], extra: { from: ['here'] } },
    impersonatedUser: { username: 'bob' },
    sourceIPs: ['127.0.0.1'],
    userAgent: 'kubectl/v1.33.1',
    objectRef: { resource: 'secrets', namespace: 'default', name: 'db', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-01-31T10:20:30.123456Z',
    stageTimestamp: '2026-01-31T10:20:30.133000Z',
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  });
});

test.each<[Level, boolean, boolean]>([
  ['Metadata', false, false],
  ['Request', true, false],
  ['RequestResponse', true, true],
])('level %s: request body %s, answer %s', (level, hasRequest, hasResponse) => {
  const event = JSON.parse(auditLine(recordOf(level), 'ResponseComplete', RECEIVED_MS));
  expect(['requestObject' in event, 'responseObject' in event]).toEqual([hasRequest, hasResponse]);
});

test('managed fields are left out where the policy says so, in lists too', () => {
  const record = recordOf('RequestResponse', { omitManagedFields: true });
  const event = JSON.parse(auditLine(record, 'ResponseComplete', RECEIVED_MS));
  const without = { metadata: { name: 'db' }, data: {} };
  expect(event.requestObject).toEqual(without);
  expect(event.responseObject).toEqual({ items: [without] });
});

test('a path has no objectRef, a refusal has its Status, and nothing is answered when the request comes in', () => {
  const path = recordOf('Metadata');
  const health = { ...path.attributes, isResourceRequest: false };
  const refused = recordOf('Metadata', {
    attributes: health,
    code: 403,
    status: { status: 'Failure', reason: 'Forbidden', message: 'no' },
  });
  const event = JSON.parse(auditLine(refused, 'ResponseComplete', RECEIVED_MS));
  expect(event.objectRef).toBeUndefined();
  expect(event.responseStatus).toEqual({
    metadata: {},
    status: 'Failure',
    reason: 'Forbidden',
    message: 'no',
    code: 403,
  });
  const received = JSON.parse(auditLine(refused, 'RequestReceived', RECEIVED_MS));
  expect(received.responseStatus).toBeUndefined();
});

test('the id is the client’s, cut to 64 characters, or a new one', () => {
  expect(auditIdOf('mine')).toBe('mine');
  expect(auditIdOf('x'.repeat(100))).toBe('x'.repeat(64));
  expect(auditIdOf(undefined)).toMatch(/^[0-9a-f-]{36}$/);
  expect(auditIdOf('')).not.toBe(auditIdOf(''));
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-labs-audit-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const read = (name: string) => readFile(join(directory, name), 'utf8');

test('lines come in order; a full file is put aside with its time, and the oldest go', async () => {
  let nowMs = RECEIVED_MS;
  const now = () => {
    nowMs += 1000;
    return new Date(nowMs);
  };
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const path = join(directory, 'audit.log');
  const log = new AuditLogFile({ path, maxSizeMegabytes: 1, maxBackups: 2, now, warn });
  const line = 'x'.repeat(400_000);
  for (let i = 0; i < 9; i++) log.write(`${i}${line}`);
  await log.close();
  const names = (await readdir(directory)).sort();
  const aside = expect.stringMatching(/^audit-2026-01-31T10-20-\d\d\.123\.log$/);
  expect(names).toEqual([aside, aside, 'audit.log']);
  const kept = (await Promise.all(names.map(read))).join('').trimEnd().split('\n');
  const numbers = kept.map((kept) => kept[0]);
  expect(numbers).toEqual(['4', '5', '6', '7', '8'].slice(-numbers.length));
  expect(warnings).toEqual([]);
});

test('files that are too old go as well', async () => {
  let nowMs = RECEIVED_MS;
  const now = () => new Date(nowMs);
  const path = join(directory, 'audit.log');
  const log = new AuditLogFile({
    path,
    maxSizeMegabytes: 1,
    maxAgeDays: 1,
    now,
    warn: () => undefined,
  });
  const line = 'x'.repeat(600_000);
  const settle = () => expect.poll(async () => (await readdir(directory)).length);
  log.write(line);
  log.write(line);
  await settle().toBe(2);
  nowMs += 3 * 86_400_000;
  log.write(line);
  await log.close();
  expect((await readdir(directory)).sort()).toEqual([
    'audit-2026-02-03T10-20-30.123.log',
    'audit.log',
  ]);
});

test('a log that cannot be written is said once, and what is missing when it works again', async () => {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const path = join(directory, 'missing', 'audit.log');
  const log = new AuditLogFile({ path, now: () => new Date(), warn });
  log.write('one');
  await expect.poll(() => warnings.length).toBe(1);
  log.write('two');
  await log.close();
  expect(warnings).toEqual([
    `cannot write the audit log ${path}: ENOENT: no such file or directory, open '${path}'`,
  ]);
});
