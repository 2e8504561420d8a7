// Authentication flags: what proves who sends a request.
//
// Same names upstream: kubeapiserver/options/authentication.go. Without --anonymous-auth requests that prove nothing may ask for health and
// version only, as with upstream's AuthenticationConfiguration with conditions.

import { parseTokenFile } from '../auth/static-token.ts';
import { ownAuthority } from './certificates.ts';
import type { FlagGroup, Flags } from './flag-group.ts';
import { hasOwnFiles } from './serving.ts';
import { booleanOf, defined, fileOf } from './values.ts';

export const authenticationFlags: FlagGroup = {
  title: 'Authentication flags:',
  add(command) {
    command
      .option('--client-ca-file <file>', 'authority whose certificates prove users')
      .option('--token-auth-file <file>', 'lines token,user,uid[,"group,group"]')
      .option(
        '--anonymous-auth <bool>',
        'whether requests without credentials come from system:anonymous; not given: for health and version only',
      );
  },
  async options(flags) {
    const tokens = await fileOf(flags, '--token-auth-file');
    return defined({
      clientCa: await clientCaOf(flags),
      tokens: tokens === undefined ? undefined : parseTokenFile(tokens),
      authentication: defined({ anonymous: booleanOf(flags, '--anonymous-auth') }),
    });
  },
};

/** The server's own authority signs users too, when it makes its own certificates. */
async function clientCaOf(flags: Flags): Promise<string | undefined> {
  const given = await fileOf(flags, '--client-ca-file');
  if (given !== undefined || hasOwnFiles(flags)) return given;
  return (await ownAuthority(flags)).cert;
}
