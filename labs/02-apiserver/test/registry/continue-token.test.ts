// Continue tokens: they come back as they went, and nobody can pass off something else as one.
import { describe, expect, test } from 'vitest';
import { decodeContinue, encodeContinue } from '#src/registry/continue-token.ts';

/** A token of anything. */
const tokenOf = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const GOOD = { v: 'meta.k8s.io/v1', rv: 7, start: 'default/web' };

describe('a continue token', () => {
  test.each([
    { revision: 7, start: 'default/web' },
    { revision: -1, start: 'ä/?#%' },
  ])('comes back as it went: $revision, $start', (token) => {
    const text = encodeContinue(token);
    expect(text).toMatch(/^[\w-]+$/);
    expect(decodeContinue(text)).toEqual(token);
  });

  test('says what upstream’s says', () => {
    expect(encodeContinue({ revision: 7, start: 'default/web' })).toBe(tokenOf(GOOD));
  });

  const foreign = 'continue key is not valid: the token was not made by this server';
  const senseless = 'continue key is not valid: illegal base64 data';
  test.each([
    { name: 'nothing', token: '', message: senseless },
    { name: 'no base64', token: '{}', message: senseless },
    { name: 'no JSON', token: tokenOf('{'), message: senseless },
    { name: 'null', token: tokenOf(null), message: senseless },
    { name: 'a number', token: tokenOf(7), message: senseless },
    { name: 'another version', token: tokenOf({ ...GOOD, v: 'meta.k8s.io/v2' }), message: foreign },
    { name: 'no version', token: tokenOf({ ...GOOD, v: undefined }), message: foreign },
    { name: 'a revision as text', token: tokenOf({ ...GOOD, rv: '7' }), message: foreign },
    { name: 'a start that is no text', token: tokenOf({ ...GOOD, start: 7 }), message: foreign },
    { name: 'an empty start', token: tokenOf({ ...GOOD, start: '' }), message: foreign },
    { name: 'a list', token: tokenOf([]), message: foreign },
  ])('is refused: $name', ({ token, message }) => {
    expect(() => decodeContinue(token)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });
});
