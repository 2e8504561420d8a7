// Which credentials a registry is shown for an image: upstream's rules, as a table.

import { describe, expect, test } from 'vitest';
import { credentialsFor } from '#src/image/pull-secrets.ts';

const auth = (text: string) => Buffer.from(text).toString('base64');
const modern = (auths: object) =>
  new Map([['.dockerconfigjson', Buffer.from(JSON.stringify({ auths }))]]);
const old = (entries: object) => new Map([['.dockercfg', Buffer.from(JSON.stringify(entries))]]);
/** One entry for each name, with that name as its user. */
const named = (...names: string[]) =>
  modern(Object.fromEntries(names.map((name) => [name, { username: name, password: 'p' }])));
const usersFor = (image: string, ...secrets: Parameters<typeof credentialsFor>[1]) =>
  credentialsFor(image, secrets).map(({ username }) => username);

describe('credentialsFor()', () => {
  test.each([
    ['a registry', 'registry.io', 'registry.io/team/app:v1', true],
    ['another registry', 'registry.io', 'other.io/team/app', false],
    ['the default registry', 'registry.io', 'app', false],
    ['the beginning of a path', 'registry.io/team', 'registry.io/team/app', true],
    ['another path', 'registry.io/team', 'registry.io/other/app', false],
    ['a URL', 'https://registry.io', 'registry.io/app', true],
    ['a URL with a version of the protocol', 'https://registry.io/v2/', 'registry.io/app', true],
    ['the same port', '127.0.0.1:5000', '127.0.0.1:5000/app:v1', true],
    ['another port', '127.0.0.1:5000', '127.0.0.1:5001/app:v1', false],
    ['no port', 'registry.io', 'registry.io:5000/app', false],
    ['a pattern', '*.registry.io', 'eu.registry.io/app', true],
    ['a pattern for one part only', '*.registry.io', 'a.eu.registry.io/app', false],
    ['a pattern that wants a part', '*.registry.io', 'registry.io/app', false],
    ['a pattern within a part', 'eu-?.registry.io', 'eu-1.registry.io/app', true],
    ['a dot that is no pattern', 'registry.io', 'registryxio/app', false],
    ['the default registry by its URL', 'https://index.docker.io/v1/', 'app', true],
    ['… with a team', 'https://index.docker.io/v1/', 'team/app:v1', true],
    ['… by its name', 'https://index.docker.io/v1/', 'docker.io/team/app', true],
    ['… and no other one', 'https://index.docker.io/v1/', 'registry.io/team/app', false],
    ['… nor one without dots but a port', 'index.docker.io', 'localhost:5000/app', false],
  ])('%s: %s for %s: %s', (_, entry, image, want) => {
    expect(usersFor(image, named(entry))).toEqual(want ? [entry] : []);
  });

  test('tries the longest name first, and of one name the secrets in the pod’s order', () => {
    const secrets = [
      named('r.io', 'r.io/a/b'),
      named('r.io/a'),
      old({ 'r.io': { username: '2' } }),
    ];
    expect(usersFor('r.io/a/b/c', ...secrets)).toEqual(['r.io/a/b', 'r.io/a', 'r.io', '2']);
  });

  test.each([
    ['user and password', { username: 'u', password: 'p' }],
    ['both in one, which goes first', { auth: auth('u:p'), username: 'x', password: 'x' }],
  ])('reads %s', (_, entry) => {
    const want = [{ username: 'u', password: 'p' }];
    expect(credentialsFor('r.io/app', [modern({ 'r.io': entry })])).toEqual(want);
    expect(credentialsFor('r.io/app', [old({ 'r.io': entry })])).toEqual(want);
  });

  test('a password may contain what separates it from the name', () => {
    const secret = modern({ 'r.io': { auth: auth('u:p:q\n') } });
    expect(credentialsFor('r.io/app', [secret])).toEqual([{ username: 'u', password: 'p:q\n' }]);
  });

  test.each([
    ['nothing at all', new Map()],
    ['no registries', modern({})],
    ['null for registries', new Map([['.dockerconfigjson', Buffer.from('{"auths":null}')]])],
  ])('finds nothing in %s', (_, secret) => expect(usersFor('r.io/app', secret)).toEqual([]));

  test.each([
    ['what is not JSON', new Map([['.dockercfg', Buffer.from('{')]]), /JSON/],
    ['what is no object', new Map([['.dockercfg', Buffer.from('7')]]), /not an object/],
    ['what has no colon', modern({ 'r.io': { auth: auth('u') } }), /username:password/],
  ])('throws for %s', (_, secret, want) => {
    expect(() => credentialsFor('r.io/app', [secret])).toThrow(want);
  });
});
