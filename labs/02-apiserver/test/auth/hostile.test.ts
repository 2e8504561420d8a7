// Generated tokens and headers, thousands of them: nothing gets in, nothing falls over, and no proof is written down.

import { expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { buildAuditor } from '#src/audit/build-auditor.ts';
import { wantedUser } from '#src/auth/impersonator.ts';
import { signToken, TokenVerifier } from '#src/auth/jwt.ts';
import { userOfHeaders } from '#src/auth/request-header.ts';
import { createSigningKey, signingKeyOf } from '#src/auth/signing-keys.ts';
import { ADMIN, NAMESPACE_PATH, startScene } from './scene.ts';

const ROUNDS = 4000;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** Numbers from a seed: mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test(`a good token that was changed anywhere is not good (seed ${SEED})`, async () => {
  const random = randomFrom(SEED);
  const key = signingKeyOf(createSigningKey(), 'test');
  const verifier = new TokenVerifier({ keys: [key], issuers: ['i'], now: Date.now });
  const good = await signToken({ iss: 'i', sub: 'system:serviceaccount:a:b', n: [1, 2, 3] }, key);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= {}"\n\0é';
  for (let round = 0; round < ROUNDS; round += 1) {
    // Not the last letter: some of its bits belong to no byte.
    const at = random(good.length - 1);
    const letter = letters[random(letters.length)] ?? '';
    const changes = [
      good.slice(0, at) + letter + good.slice(at + 1),
      good.slice(0, at) + letter + good.slice(at),
      good.slice(0, at) + good.slice(at + 1 + random(4)),
      good.slice(0, at),
    ];
    const token = changes[random(changes.length)] ?? '';
    if (token === good) continue;
    const { kind } = await verifier.verify(token);
    expect(kind, `round ${round} of seed ${SEED}`).not.toBe('claims');
  }
  expect((await verifier.verify(good)).kind).toBe('claims');
});

test(`headers of any kind make a user, nobody, or a bad request (seed ${SEED})`, () => {
  const random = randomFrom(SEED);
  const names = [
    'Impersonate-User',
    'impersonate-group',
    'IMPERSONATE-UID',
    'Impersonate-Extra-',
    'Impersonate-Extra-%',
    'Impersonate-Extra-__proto__',
    'Impersonate-',
    'X-Remote-User',
    'X-Remote-Group',
    'X-Remote-Extra-constructor',
    'Host',
  ];
  const values = ['', ' ', ',', 'a,b', 'system:masters', '\u00ff\u00fe', '%00', 'x'.repeat(5000)];
  for (let round = 0; round < ROUNDS; round += 1) {
    const rawHeaders = Array.from({ length: random(12) * 2 + random(2) }, (_, index) => {
      const from = index % 2 === 0 ? names : values;
      return from[random(from.length)] ?? '';
    });
    try {
      const wanted = wantedUser({ rawHeaders });
      expect(wanted?.name).not.toBe('');
    } catch (error) {
      expect(ApiError.is(error, 'BadRequest'), `round ${round} of seed ${SEED}`).toBe(true);
    }
    expect(userOfHeaders({ rawHeaders }, {})?.name).not.toBe('');
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('no log and no audit log, however much they tell, hold a token', async () => {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line) };
  const policy = { rules: [{ level: 'RequestResponse' as const }], omitStages: [] };
  const line = (message: string, fields?: object) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: line, warn: line, error: line, debug: line, child: () => log };
  await using scene = await startScene({}, { log, audit: buildAuditor({ policy, sink }) });
  await scene.account('robot');
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const made = await scene.make(`post ${NAMESPACE_PATH}/serviceaccounts/robot/token`, body);
  const token = String(made.status.token);
  await scene.review(token);
  await scene.as(token, `get ${NAMESPACE_PATH}/pods`);
  await scene.as(`${token}x`, `get ${NAMESPACE_PATH}/pods`);
  const text = lines.join('\n');
  expect(text).toContain('system:serviceaccount:default:robot');
  expect(text).toContain('"authentication.kubernetes.io/issued-credential-id":"JTI=');
  for (const secret of [token, token.split('.')[1] ?? '', ADMIN]) {
    expect(text).not.toContain(secret);
  }
});
