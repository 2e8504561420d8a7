// bound-objects: whether what a token is bound to is still there: the account, and the pod, secret or node.
//
// Name and uid must be those of the token: an account that was deleted and made again is another one. An object that is being deleted
// counts until its time is up, so that a pod can still say goodbye. The watch caches know nearly always; what they do not know, or know
// under another uid, is read from the store before anybody is refused.
//
// Same rule upstream: pkg/serviceaccount/claims.go (Validate) and legacy.go.

import { timingSafeEqual } from 'node:crypto';
import type { Secret } from 'kubernetes-types/core/v1';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { objectKey } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import type { NoteUse } from './last-used.ts';
import {
  type AccountIdentity,
  type NamedUid,
  splitServiceAccountUsername,
} from './service-account.ts';
import { boundClaims, type Claims, LEEWAY_SECONDS, LEGACY_CLAIMS, textOf } from './token-claims.ts';

export type BoundResource = 'nodes' | 'pods' | 'secrets' | 'serviceaccounts';

export interface ObjectLookup {
  /** The object of this name. One that is not `expected` has been looked at twice: it is today's. */
  find(
    resource: BoundResource,
    ref: { readonly namespace?: string; readonly name: string },
    expected: (object: ReadonlyApiObject) => boolean,
  ): Promise<ReadonlyApiObject | undefined>;
}

/** Who it is, or why not: upstream's words, for reviews and logs. */
export type Identification =
  | { readonly kind: 'account'; readonly identity: AccountIdentity }
  | { readonly kind: 'rejected'; readonly why: string };

const INVALIDATED = 'service account token has been invalidated';
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';
const LEEWAY_MS = LEEWAY_SECONDS * 1000;

export function tableLookup(table: ResourceTable): ObjectLookup {
  return {
    async find(resource, ref, expected) {
      const { storage, definition } = table.registry('', resource);
      const key = objectKey(definition, ref);
      const cached = storage.cache.get(key)?.object;
      const isGood = cached !== undefined && expected(cached);
      return isGood ? cached : (await storage.get(key))?.object;
    },
  };
}

export async function identifyBound(
  claims: Claims,
  lookup: ObjectLookup,
  nowMs: number,
): Promise<Identification> {
  const { namespace, account, pod, secret, node } = boundClaims(claims);
  const problem =
    (await accountProblem(lookup, namespace, account, nowMs)) ??
    (await bindingProblem(lookup, { resource: 'secrets', namespace, bound: secret, nowMs })) ??
    (await bindingProblem(lookup, { resource: 'pods', namespace, bound: pod, nowMs })) ??
    // Of a token of a pod the node is a hint: it need not be there any more.
    (pod === undefined
      ? await bindingProblem(lookup, { resource: 'nodes', bound: node, nowMs })
      : undefined);
  if (problem !== undefined) return { kind: 'rejected', why: problem };
  const tokenId = textOf(claims.jti);
  return { kind: 'account', identity: { namespace, account, pod, node, tokenId } };
}

export interface LegacyDeps {
  readonly objects: ObjectLookup;
  readonly noteUse?: NoteUse | undefined;
}

/** Of a token that lives in a secret, which must still hold this very token. */
export async function identifyLegacy(
  claims: Claims,
  token: string,
  deps: LegacyDeps,
): Promise<Identification> {
  const problem =
    missingLegacyClaim(claims) ?? (await legacyProblem(legacyReferences(claims), token, deps));
  if (problem !== undefined) return { kind: 'rejected', why: problem };
  const { namespace, account } = legacyReferences(claims);
  return { kind: 'account', identity: { namespace, account } };
}

interface LegacyReferences {
  readonly namespace: string;
  readonly account: Required<NamedUid>;
  readonly secretName: string;
}

function legacyReferences(claims: Claims): LegacyReferences {
  const claim = (name: string): string => textOf(claims[name]);
  return {
    namespace: claim(LEGACY_CLAIMS.namespace),
    account: { name: claim(LEGACY_CLAIMS.account), uid: claim(LEGACY_CLAIMS.uid) },
    secretName: claim(LEGACY_CLAIMS.secret),
  };
}

async function legacyProblem(
  { namespace, account, secretName: name }: LegacyReferences,
  token: string,
  { objects: lookup, noteUse }: LegacyDeps,
): Promise<string | undefined> {
  const holdsIt = (object: ReadonlyApiObject): boolean => isSame(tokenIn(object), token);
  const secret = await lookup.find('secrets', { namespace, name }, holdsIt);
  const gone = secret === undefined || secret.metadata.deletionTimestamp !== undefined;
  if (gone) return 'Token has been invalidated';
  if (!holdsIt(secret)) return "Token does not match server's copy";
  const where = { namespace, name: account.name };
  const found = await lookup.find('serviceaccounts', where, hasUid(account.uid));
  if (found === undefined) return notFoundText(account.name);
  if (found.metadata.deletionTimestamp !== undefined) {
    return `ServiceAccount ${namespace}/${account.name} has been deleted`;
  }
  if (found.metadata.uid !== account.uid) {
    return `ServiceAccount UID (${found.metadata.uid}) does not match claim (${account.uid})`;
  }
  noteUse?.(secret);
  if ((secret.metadata.labels?.[INVALID_SINCE] ?? '') === '') return undefined;
  const which = `secret ${namespace}/${name} for service account ${namespace}/${account.name}`;
  return `the token in ${which} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE}' label from the secret to temporarily allow use of this token`;
}

function tokenIn(secret: ReadonlyApiObject): string {
  return Buffer.from((secret as Secret).data?.token ?? '', 'base64').toString('utf8');
}

/** In the same time whatever the difference is. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function hasUid(uid: string): (object: ReadonlyApiObject) => boolean {
  return ({ metadata }) => metadata.uid === uid;
}

function notFoundText(account: string): string {
  return `serviceaccounts ${JSON.stringify(account)} not found`;
}

function missingLegacyClaim(claims: Claims): string | undefined {
  const claim = (name: string): string => textOf(claims[name]);
  if (claim('sub') === '') return 'sub claim is missing';
  if (claim(LEGACY_CLAIMS.namespace) === '') return 'namespace claim is missing';
  if (claim(LEGACY_CLAIMS.secret) === '') return 'secretName claim is missing';
  if (claim(LEGACY_CLAIMS.account) === '') return 'serviceAccountName claim is missing';
  if (claim(LEGACY_CLAIMS.uid) === '') return 'serviceAccountUID claim is missing';
  const subject = splitServiceAccountUsername(claim('sub'));
  const isSame =
    subject?.namespace === claim(LEGACY_CLAIMS.namespace) &&
    subject.name === claim(LEGACY_CLAIMS.account);
  return isSame ? undefined : 'sub claim is invalid';
}

async function accountProblem(
  lookup: ObjectLookup,
  namespace: string,
  { name, uid }: Required<NamedUid>,
  nowMs: number,
): Promise<string | undefined> {
  const found = await lookup.find('serviceaccounts', { namespace, name }, hasUid(uid));
  if (found === undefined) return notFoundText(name);
  if (found.metadata.uid !== uid) {
    return `service account UID (${found.metadata.uid}) does not match claim (${uid})`;
  }
  return isGone(found, nowMs) ? `service account ${namespace}/${name} has been deleted` : undefined;
}

interface BindingQuestion {
  readonly resource: Exclude<BoundResource, 'serviceaccounts'>;
  readonly namespace?: string;
  readonly bound: Required<NamedUid> | undefined;
  readonly nowMs: number;
}

async function bindingProblem(
  lookup: ObjectLookup,
  { resource, namespace, bound, nowMs }: BindingQuestion,
): Promise<string | undefined> {
  if (bound === undefined) return undefined;
  const { name, uid } = bound;
  const ref = namespace === undefined ? { name } : { namespace, name };
  const found = await lookup.find(resource, ref, hasUid(uid));
  if (found === undefined) return INVALIDATED;
  if (found.metadata.uid !== uid) {
    const what = resource.slice(0, -1);
    return `${what} UID (${found.metadata.uid}) does not match service account ${what} ref claim (${uid})`;
  }
  return isGone(found, nowMs) ? INVALIDATED : undefined;
}

function isGone({ metadata }: ReadonlyApiObject, nowMs: number): boolean {
  const { deletionTimestamp } = metadata;
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < nowMs - LEEWAY_MS;
}
