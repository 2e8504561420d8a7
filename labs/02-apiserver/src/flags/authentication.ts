// Authentication flags: what proves who sends a request.
//
// Same names upstream: kubeapiserver/options/authentication.go. Requests that prove nothing come from system:anonymous, as upstream, where
// somebody decides what he may do. With the mode AlwaysAllow nobody does: then they may ask for health and version only (upstream
// switches anonymous requests off altogether, and probes need credentials).

import type { RequestHeaderOptions } from '../auth/request-header.ts';
import type { ServiceAccountOptions } from '../auth/service-account-issuer.ts';
import { parseTokenFile } from '../auth/static-token.ts';
import { addCertificateSigningFlags, certificateSigningOf } from './certificate-signing.ts';
import { ownAuthority } from './certificates.ts';
import type { FlagGroup, Flags } from './flag-group.ts';
import { addServiceAccountFlags, rootCaOf, serviceAccountsOf } from './service-accounts.ts';
import { hasOwnFiles } from './serving.ts';
import { booleanOf, defined, fileOf, listOf, textOf } from './values.ts';

export const authenticationFlags: FlagGroup = {
  title: 'Authentication flags:',
  add(command) {
    command
      .option('--client-ca-file <file>', 'authority whose certificates prove users')
      .option('--token-auth-file <file>', 'lines token,user,uid[,"group,group"]')
      .option(
        '--anonymous-auth <bool>',
        'whether requests without credentials come from system:anonymous; with --authorization-mode=AlwaysAllow for health and version only',
        'true',
      )
      .option(
        '--enable-bootstrap-token-auth [bool]',
        "whether secrets of the type bootstrap.kubernetes.io/token in kube-system are machines' tokens",
      )
      .option(
        '--api-audiences <list>',
        'what tokens must be for to be good here; default: the issuers of service accounts',
      );
    addServiceAccountFlags(command);
    command
      .option(
        '--requestheader-client-ca-file <file>',
        'authority whose certificates prove proxies that say in headers who the user is',
      )
      .option('--requestheader-allowed-names <list>', 'common names of these proxies; default: any')
      .option('--requestheader-username-headers <list>', "the user's name", 'x-remote-user')
      .option('--requestheader-uid-headers <list>', "the user's uid")
      .option('--requestheader-group-headers <list>', "the user's groups", 'x-remote-group')
      .option(
        '--requestheader-extra-headers-prefix <list>',
        'how headers with more about the user begin',
        'x-remote-extra-',
      );
    addCertificateSigningFlags(command);
  },
  async options(flags) {
    const tokens = await fileOf(flags, '--token-auth-file');
    return defined({
      clientCa: await clientCaOf(flags),
      tokens: tokens === undefined ? undefined : parseTokenFile(tokens),
      authentication: defined({
        anonymous: anonymousOf(flags),
        bootstrapTokens: booleanOf(flags, '--enable-bootstrap-token-auth'),
        apiAudiences: listOf(flags, '--api-audiences'),
        serviceAccounts: (await serviceAccountsOf(flags)) satisfies ServiceAccountOptions,
        requestHeader: await requestHeaderOf(flags),
        certificateSigning: await certificateSigningOf(flags),
        rootCa: await rootCaOf(flags),
      }),
    });
  },
};

/** Undefined: health and version only. */
function anonymousOf(flags: Flags): boolean | undefined {
  if (booleanOf(flags, '--anonymous-auth') === false) return false;
  const modes = listOf(flags, '--authorization-mode') ?? ['AlwaysAllow'];
  return modes.includes('AlwaysAllow') ? undefined : true;
}

/** The server's own authority signs users too, when it makes its own certificates. */
async function clientCaOf(flags: Flags): Promise<string | undefined> {
  const given = await fileOf(flags, '--client-ca-file');
  if (given !== undefined || hasOwnFiles(flags)) return given;
  return (await ownAuthority(flags)).cert;
}

async function requestHeaderOf(flags: Flags): Promise<RequestHeaderOptions | undefined> {
  const clientCa = await fileOf(flags, '--requestheader-client-ca-file');
  if (clientCa === undefined) {
    if (textOf(flags, '--requestheader-allowed-names') === undefined) return undefined;
    throw new Error(
      'Cannot use --requestheader-allowed-names without --requestheader-client-ca-file: names mean nothing without the authority that gives them; give both',
    );
  }
  const names = {
    allowedNames: listOf(flags, '--requestheader-allowed-names'),
    usernameHeaders: listOf(flags, '--requestheader-username-headers'),
    uidHeaders: listOf(flags, '--requestheader-uid-headers'),
    groupHeaders: listOf(flags, '--requestheader-group-headers'),
    extraHeaderPrefixes: listOf(flags, '--requestheader-extra-headers-prefix'),
  };
  return { clientCa, ...defined(names) };
}
