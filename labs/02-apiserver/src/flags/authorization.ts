// Authorization flags: who may do what.
//
// Same names upstream: kubeapiserver/options/authorization.go. Left out: Webhook and ABAC with their files.

import {
  AUTHORIZATION_MODES,
  type AuthorizationMode,
  DEFAULT_ALWAYS_ALLOW_PATHS,
} from '../authz/build-authorization.ts';
import { pathAuthorizer } from '../authz/union.ts';
import type { FlagGroup } from './flag-group.ts';
import { defined, listOf } from './values.ts';

export const authorizationFlags: FlagGroup = {
  title: 'Authorization flags:',
  add(command) {
    command
      .option(
        '--authorization-mode <modes>',
        `who is asked whether a request may be, in this order, separated by commas: ${AUTHORIZATION_MODES.join(', ')}`,
        'AlwaysAllow',
      )
      .option(
        '--authorization-always-allow-paths <paths>',
        'paths for which nobody is asked; a * at the end stands for all below',
        DEFAULT_ALWAYS_ALLOW_PATHS.join(','),
      );
  },
  options(flags) {
    const alwaysAllowPaths = listOf(flags, '--authorization-always-allow-paths');
    // A pattern that is none is an error of the command line, before anything is opened.
    pathAuthorizer(alwaysAllowPaths ?? []);
    const modes = listOf(flags, '--authorization-mode')?.map(modeOf);
    const twice = modes?.find((mode, index) => modes.indexOf(mode) !== index);
    if (twice !== undefined) {
      throw new Error(
        `authorization-mode ${JSON.stringify(twice)} has mode specified more than once`,
      );
    }
    return { authorization: defined({ modes, alwaysAllowPaths }) };
  },
};

function modeOf(text: string): AuthorizationMode {
  const mode = AUTHORIZATION_MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw new Error(
    `Cannot use --authorization-mode ${text}: it needs names of ${AUTHORIZATION_MODES.join(', ')}`,
  );
}
