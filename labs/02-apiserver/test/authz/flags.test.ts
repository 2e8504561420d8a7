import { describe, expect, test } from 'vitest';
import { apiServerCommand } from '#src/flags/all.ts';
import { authorizationFlags } from '#src/flags/authorization.ts';
import type { Flags } from '#src/flags/flag-group.ts';

function optionsOf(...args: string[]) {
  const flags = apiServerCommand().parse(args, { from: 'user' }).opts<Flags>();
  return authorizationFlags.options(flags);
}

describe('authorization flags', () => {
  test('allow everything by default, as upstream', () => {
    expect(optionsOf()).toEqual({
      authorization: {
        modes: ['AlwaysAllow'],
        alwaysAllowPaths: ['/healthz', '/readyz', '/livez'],
      },
    });
  });

  test('take several modes in their order', () => {
    expect(
      optionsOf(
        '--authorization-mode=RBAC,Node',
        '--authorization-always-allow-paths=/metrics,/x/*',
      ),
    ).toEqual({
      authorization: { modes: ['RBAC', 'Node'], alwaysAllowPaths: ['/metrics', '/x/*'] },
    });
  });

  test.each([
    [
      '--authorization-mode=rbac',
      'Cannot use --authorization-mode rbac: it needs names of AlwaysAllow, AlwaysDeny, Node, RBAC',
    ],
    [
      '--authorization-mode=Webhook',
      'Cannot use --authorization-mode Webhook: it needs names of AlwaysAllow, AlwaysDeny, Node, RBAC',
    ],
    [
      '--authorization-mode=RBAC,RBAC',
      'authorization-mode "RBAC" has mode specified more than once',
    ],
    [
      '--authorization-always-allow-paths=/a*b',
      'Cannot always allow path "/a*b": only trailing * is allowed',
    ],
  ])('%s: %s', (flag, want) => {
    expect(() => optionsOf(flag)).toThrow(want);
  });
});
