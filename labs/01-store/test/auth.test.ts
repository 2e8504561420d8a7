// Users and roles: who may do what, decided by pure functions, and kept with the store.
import { describe, expect, test } from 'vitest';
import * as auth from '#src/auth/auth-state.ts';
import { AuthStore } from '#src/auth/auth-store.ts';
import { hashPassword, verifyPassword } from '#src/auth/password.ts';
import { type Permission, permits, type Range } from '#src/auth/permissions.ts';
import { SimpleTokens } from '#src/auth/tokens.ts';
import { openStore } from '#src/open-store.ts';
import { FakeClock } from './support/fake-clock.ts';
import { temporaryDirectory } from './support/store-helpers.ts';

const read = (key: string, rangeEnd = ''): Permission => ({ type: 'read', key, rangeEnd });

describe('permits() reading', () => {
  test.each<{ name: string; given: Permission[]; wanted: Range; want: boolean }>([
    { name: 'nothing with no permission', given: [], wanted: { key: 'a' }, want: false },
    { name: 'its key', given: [read('a')], wanted: { key: 'a' }, want: true },
    { name: 'no other key', given: [read('a')], wanted: { key: 'a\0' }, want: false },
    { name: 'a key in its range', given: [read('a', 'c')], wanted: { key: 'b' }, want: true },
    {
      name: 'not the end of its range',
      given: [read('a', 'c')],
      wanted: { key: 'c' },
      want: false,
    },
    {
      name: 'not with write alone',
      given: [{ ...read('a'), type: 'write' }],
      wanted: { key: 'a' },
      want: false,
    },
    {
      name: 'with readwrite',
      given: [{ ...read('a'), type: 'readwrite' }],
      wanted: { key: 'a' },
      want: true,
    },
    {
      name: 'its own range',
      given: [read('a', 'c')],
      wanted: { key: 'a', rangeEnd: 'c' },
      want: true,
    },
    {
      name: 'no range that goes on',
      given: [read('a', 'c')],
      wanted: { key: 'b', rangeEnd: 'd' },
      want: false,
    },
    {
      name: 'a range of two permissions that touch, in whatever order',
      given: [read('c', 'e'), read('a', 'c')],
      wanted: { key: 'b', rangeEnd: 'd' },
      want: true,
    },
    {
      name: 'no range with a hole',
      given: [read('a', 'c'), read('c\0', 'e')],
      wanted: { key: 'b', rangeEnd: 'd' },
      want: false,
    },
    {
      name: 'a range whose hole is one key that is permitted',
      given: [read('a', 'c'), read('c'), read('c\0', 'e')],
      wanted: { key: 'b', rangeEnd: 'd' },
      want: true,
    },
    {
      name: 'everything from a key on',
      given: [read('b', '\0')],
      wanted: { key: 'c', rangeEnd: '\0' },
      want: true,
    },
    {
      name: 'not everything with a range that ends',
      given: [read('a', '\xff')],
      wanted: { key: 'b', rangeEnd: '\0' },
      want: false,
    },
    {
      name: 'not everything from before its start on',
      given: [read('b', '\0')],
      wanted: { key: 'a', rangeEnd: '\0' },
      want: false,
    },
  ])('$name', ({ given, wanted, want }) => {
    expect(permits(given, 'read', wanted)).toBe(want);
  });
});

describe('the state of users and roles', () => {
  const withRoot = auth.grantRole(auth.addUser(auth.NEW_STATE, 'root', 'hash'), 'root', 'root');

  test('every change takes a revision, and what changes nothing takes none', () => {
    const state = auth.addRole(auth.addUser(auth.NEW_STATE, 'ann', 'hash'), 'reader');
    expect([auth.NEW_STATE.revision, state.revision]).toEqual([1, 3]);
    const granted = auth.grantRole(state, 'ann', 'reader');
    expect(auth.grantRole(granted, 'ann', 'reader')).toBe(granted);
    expect(auth.disable(state)).toBe(state);
  });

  test('a name may be one that every object has', () => {
    const state = auth.addUser(auth.NEW_STATE, '__proto__', 'hash');
    expect(auth.namesOf(state.users)).toEqual(['__proto__']);
    expect(() => auth.userOf(auth.NEW_STATE, 'constructor')).toThrow('user name not found');
    expect(auth.addRole(auth.NEW_STATE, 'toString').roles).toEqual({
      toString: { permissions: [] },
    });
  });

  test('a permission for the same range replaces the one before', () => {
    let state = auth.addRole(auth.NEW_STATE, 'reader');
    state = auth.grantPermission(state, 'reader', read('b'));
    state = auth.grantPermission(state, 'reader', read('a', 'c'));
    state = auth.grantPermission(state, 'reader', { ...read('b'), type: 'readwrite' });
    expect(auth.permissionsOf(state, 'reader')).toEqual([
      read('a', 'c'),
      { ...read('b'), type: 'readwrite' },
    ]);
  });

  test('a role that goes is taken from all who had it', () => {
    let state = auth.addRole(auth.addUser(auth.NEW_STATE, 'ann', 'hash'), 'reader');
    state = auth.deleteRole(auth.grantRole(state, 'ann', 'reader'), 'reader');
    expect(auth.userOf(state, 'ann').roles).toEqual([]);
  });

  test('a user without a password stays without one', () => {
    const state = auth.addUser(auth.NEW_STATE, 'ann', null);
    expect(auth.userOf(auth.changePassword(state, 'ann', 'hash'), 'ann').passwordHash).toBeNull();
  });

  test.each<[what: string, change: () => unknown, message: string]>([
    ['enable without root', () => auth.enable(auth.NEW_STATE), 'root user does not exist'],
    [
      'enable while root has no power',
      () => auth.enable(auth.addUser(auth.NEW_STATE, 'root', 'hash')),
      'root user does not have root role',
    ],
    [
      'delete root while it counts',
      () => auth.deleteUser(auth.enable(withRoot), 'root'),
      'invalid auth management',
    ],
    [
      'take root its power while it counts',
      () => auth.revokeRole(auth.enable(withRoot), 'root', 'root'),
      'invalid auth management',
    ],
    ['delete who is not there', () => auth.deleteUser(withRoot, 'ann'), 'user name not found'],
    ['grant what is not there', () => auth.grantRole(withRoot, 'root', 'x'), 'role name not found'],
  ])('cannot %s', (_what, change, message) => {
    expect(change).toThrow(`etcdserver: ${message}`);
  });
});

describe('passwords', () => {
  test('are kept as hashes with salt, and only the right one fits', async () => {
    const hash = await hashPassword('geheim');
    expect(hash).toMatch(/^scrypt\$16384\$/);
    expect(hash).not.toContain('geheim');
    expect(await hashPassword('geheim')).not.toBe(hash);
    expect(await verifyPassword('geheim', hash)).toBe(true);
    expect(await verifyPassword('Geheim', hash)).toBe(false);
    expect(await verifyPassword('', hash)).toBe(false);
  });
});

describe('SimpleTokens', () => {
  test('live as long as they are used', async () => {
    const clock = new FakeClock();
    const tokens = new SimpleTokens(clock, 300);
    const token = tokens.assign('ann', 7);
    expect(token).toMatch(/^[A-Za-z]{16}\.7$/);
    await clock.advance(299_000);
    expect(tokens.use(token)).toBe('ann');
    await clock.advance(299_000);
    expect(tokens.use(token)).toBe('ann');
    await clock.advance(300_000);
    expect(tokens.use(token)).toBeUndefined();
  });

  test('of one user go when the user does, and the others stay', () => {
    const tokens = new SimpleTokens(new FakeClock(), 300);
    const [ann, bob] = [tokens.assign('ann', 1), tokens.assign('bob', 1)];
    tokens.forget('ann');
    expect([tokens.use(ann), tokens.use(bob)]).toEqual([undefined, 'bob']);
  });

  test('are limited in number: the one that was not used for longest goes', () => {
    const tokens = new SimpleTokens(new FakeClock(), 300);
    const first = tokens.assign('ann', 1);
    const second = tokens.assign('ann', 1);
    for (let i = 0; i < 9_998; i++) tokens.assign('bob', 1);
    tokens.use(first);
    tokens.assign('bob', 1);
    expect([tokens.use(first), tokens.use(second)]).toEqual(['ann', undefined]);
  });
});

describe('AuthStore', () => {
  const nobody = { token: undefined, commonName: undefined };

  async function withRoot(users: AuthStore): Promise<void> {
    const hash = await hashPassword('secret');
    await users.change((state) => auth.addUser(state, 'root', hash));
    await users.change((state) => auth.grantRole(state, 'root', 'root'));
    await users.change(auth.enable);
  }

  test('is there again after a restart, and after a restart from a snapshot', async () => {
    await using directory = await temporaryDirectory();
    {
      await using store = await openStore({ dataDir: directory.path });
      await withRoot(new AuthStore(store.meta));
    }
    for (const _ of ['from the log', 'from a snapshot']) {
      await using store = await openStore({ dataDir: directory.path });
      const users = new AuthStore(store.meta);
      expect(users.isEnabled).toBe(true);
      expect(await users.authenticate('root', 'secret')).toMatch(/\.3$/);
      await store.maintenance.defragment();
    }
  });

  test('knows a caller by token, then by certificate, and asks nobody while it is off', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: directory.path });
    const users = new AuthStore(store.meta);
    expect(users.userOf(nobody)).toBeUndefined();
    await withRoot(users);
    expect(() => users.userOf(nobody)).toThrow('etcdserver: user name is empty');
    expect(() => users.userOf({ ...nobody, token: 'x' })).toThrow('etcdserver: invalid auth token');
    expect(users.userOf({ ...nobody, commonName: 'ann' })).toBe('ann');
    const token = await users.authenticate('root', 'secret');
    expect(users.userOf({ token, commonName: 'ann' })).toBe('root');
    await users.change(auth.disable);
    await users.change(auth.enable);
    expect(() => users.userOf({ ...nobody, token })).toThrow('etcdserver: invalid auth token');
  });

  test('a change that cannot be written is no change', async () => {
    const users = new AuthStore({
      get: () => undefined,
      set: () => Promise.reject(new Error('disk full')),
    });
    await expect(users.change((state) => auth.addRole(state, 'reader'))).rejects.toThrow(
      'disk full',
    );
    expect(auth.namesOf(users.state.roles)).toEqual([]);
  });

  test('changes that come at once are made one after another', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: directory.path });
    const users = new AuthStore(store.meta);
    const names = Array.from({ length: 20 }, (_, i) => `role-${String(i).padStart(2, '0')}`);
    await Promise.all(names.map((name) => users.change((state) => auth.addRole(state, name))));
    expect(auth.namesOf(users.state.roles)).toEqual(names);
    expect(users.state.revision).toBe(21);
  });
});
