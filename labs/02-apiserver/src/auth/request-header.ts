// request-header: a proxy has found out who the user is, and says so in headers.
//
//   X-Remote-User: jane     X-Remote-Group: devs (as often as there are groups)     X-Remote-Extra-Scopes: view
//
// The proxy proves itself with a certificate of an authority that signs for nobody else; without that the headers are a stranger's
// words and mean nothing. A request without them comes from nobody in particular: the next authenticator is asked.
//
// Same rule upstream: apiserver, authentication/request/headerrequest (`--requestheader-*`).

import type { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { type Authentication, type Authenticator, NONE } from './authenticator.ts';
import { isSignedBy } from './client-certificate.ts';
import { headersBehind, headerValues, type RawHeaders } from './header-values.ts';
import type { User } from './user.ts';
import { connectionOf } from './x509.ts';

export interface RequestHeaderOptions {
  /** PEM of the authorities whose certificates prove proxies. */
  readonly clientCa: string;
  /** Common names of the proxies; none: all of that authority. */
  readonly allowedNames?: readonly string[];
  readonly usernameHeaders?: readonly string[];
  readonly uidHeaders?: readonly string[];
  readonly groupHeaders?: readonly string[];
  readonly extraHeaderPrefixes?: readonly string[];
}

type Proof =
  | { readonly kind: 'none' }
  | { readonly kind: 'proxy'; readonly validToMs: number }
  | { readonly kind: 'rejected'; readonly why: string };

/** `now` in milliseconds. */
export function requestHeaderAuthenticator(
  options: RequestHeaderOptions,
  roots: readonly X509Certificate[],
  now: () => number,
): Authenticator {
  const proofs = new WeakMap<object, Proof>();
  return {
    name: 'request-header',
    authenticate(request): Authentication {
      const connection = connectionOf(request);
      let proof = proofs.get(connection);
      if (proof === undefined) {
        proof = proofOf(request, options, roots);
        proofs.set(connection, proof);
      }
      if (proof.kind === 'none') return NONE;
      if (proof.kind === 'rejected') return proof;
      if (now() > proof.validToMs) {
        return { kind: 'rejected', why: 'x509: certificate has expired' };
      }
      const user = userOfHeaders(request, options);
      if (user === undefined) return NONE;
      removeHeaders(request.headers, options);
      return { kind: 'user', user };
    },
  };
}

/** A certificate of another authority may be a user's: then this authenticator has nothing to say. */
function proofOf(
  { socket }: IncomingMessage,
  { allowedNames = [] }: RequestHeaderOptions,
  roots: readonly X509Certificate[],
): Proof {
  if (!(socket instanceof TLSSocket) || !socket.authorized || !isSignedBy(socket, roots)) {
    return { kind: 'none' };
  }
  const { subject, valid_to: validTo } = socket.getPeerCertificate();
  const name = String(subject.CN ?? '');
  if (allowedNames.length === 0 || allowedNames.includes(name)) {
    return { kind: 'proxy', validToMs: Date.parse(validTo) };
  }
  return { kind: 'rejected', why: `x509: subject with cn=${name} is not in the allowed list` };
}

/** Undefined when no header names a user. */
export function userOfHeaders(
  request: RawHeaders,
  options: Omit<RequestHeaderOptions, 'clientCa'>,
): User | undefined {
  const { username, uid: uidHeaders, group, extraPrefixes } = headerNamesOf(options);
  const [name] = username.flatMap((header) => headerValues(request, header));
  if (name === undefined) return undefined;
  const [uid] = uidHeaders.flatMap((header) => headerValues(request, header));
  const extra = Object.assign({}, ...extraPrefixes.map((one) => headersBehind(request, one)));
  return {
    name,
    groups: group.flatMap((header) => headerValues(request, header)),
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** What the proxy said is used up: no handler takes it for something else. */
function removeHeaders(headers: IncomingHttpHeaders, options: RequestHeaderOptions): void {
  const { username, uid, group, extraPrefixes } = headerNamesOf(options);
  const exact = new Set([...username, ...uid, ...group]);
  for (const name of Object.keys(headers)) {
    const isExtra = extraPrefixes.some((prefix) => name.startsWith(prefix));
    if (isExtra || exact.has(name)) delete headers[name];
  }
}

/** What the headers are called, upstream's names unless others are given; in lower case, as Node has them. */
export function headerNamesOf(options: Omit<RequestHeaderOptions, 'clientCa'>) {
  const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());
  return {
    username: lower(options.usernameHeaders ?? ['x-remote-user']),
    uid: lower(options.uidHeaders ?? []),
    group: lower(options.groupHeaders ?? ['x-remote-group']),
    extraPrefixes: lower(options.extraHeaderPrefixes ?? ['x-remote-extra-']),
  };
}
