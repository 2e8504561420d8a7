// token-requests: POST serviceaccounts/NAME/token: a new token for the account (`kubectl create token`, and every kubelet).
//
// The token may be bound to a pod that runs as the account, to a secret, or to a node: then it is good only as long as that is there. A
// token of a pod also says on which node it runs. Who may ask is decided before this: by authorization, and for kubelets by
// NodeRestriction, which hears of it as a CREATE.
//
// The audit log hears the token's id and never the answer's body, which is the token.
//
// Same rule upstream: registry/core/serviceaccount/storage/token.go and pkg/apis/authentication/validation.

import type { BoundObjectReference, TokenRequest } from 'kubernetes-types/authentication/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { ApiError, badRequest, conflict } from '../api-error.ts';
import { credentialIdOf, type NamedUid } from '../auth/service-account.ts';
import type { Binding } from '../auth/token-claims.ts';
import type { KubernetesObject, ObjectRef } from '../client/resources.ts';
import { decodeObject } from '../codec/decode.ts';
import { formatTime, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { type FieldError, invalid, invalidValue } from '../strategy/field-error.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import { unknownPath } from './path-handlers.ts';
import { bodyOf, fieldValidationOf, negotiated, refOf, writeOptions } from './request-context.ts';
import { send } from './responses.ts';
import { addWarnings } from './warnings.ts';

const TOKEN_REQUEST = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
const EXPIRATION_DEFAULT_SECONDS = 3600;
const EXPIRATION_MIN_SECONDS = 600;
const EXPIRATION_MAX_SECONDS = 2 ** 32;

export async function tokenSubresource(context: StoredContext, env: HandlerEnv): Promise<void> {
  const { tokenIssuer } = env;
  if (tokenIssuer === undefined) throw unknownPath();
  const { encoding } = negotiated(context);
  const ref = refOf(context);
  const { bytes, contentType } = await bodyOf(context);
  const validation = fieldValidationOf(context);
  const decoded = decodeObject(bytes, contentType, TOKEN_REQUEST, validation);
  const sent = decoded.object as TokenRequest;
  checkPlace(sent, ref);
  const { object: account } = await context.registry.get(ref);
  const request = completed(sent, ref, { audiences: tokenIssuer.audiences, nowMs: context.now() });
  check('', requestErrors(request));
  await admit(context, env, request as KubernetesObject);
  const binding = await bindingOf(request, ref, env.table);
  const expirationSeconds = shortened(context, request, tokenIssuer.maxExpirationSeconds);
  const issued = await tokenIssuer.issue({
    namespace: ref.namespace ?? '',
    account: identityOf(account),
    binding,
    audiences: request.spec.audiences,
    expirationSeconds,
  });
  const { exchange, response } = context;
  const id = credentialIdOf(issued.tokenId);
  exchange.audit?.annotate('authentication.kubernetes.io/issued-credential-id', id);
  const body = {
    ...request,
    spec: { ...request.spec, expirationSeconds },
    status: { token: issued.token, expirationTimestamp: formatTime(issued.expirationMs) },
  };
  const { warnings } = decoded;
  await send(context.request, response, { status: 201, body, encoding, warnings });
}

function checkPlace({ metadata = {} }: TokenRequest, { name, namespace = '' }: ObjectRef): void {
  if (metadata.name && metadata.name !== name) {
    const detail = 'must match the service account name if specified';
    check(name, [invalidValue('metadata.name', metadata.name, detail)]);
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    const detail = 'must match the service account namespace if specified';
    check(name, [invalidValue('metadata.namespace', metadata.namespace, detail)]);
  }
}

type CompleteRequest = TokenRequest & {
  readonly spec: TokenRequest['spec'] & { readonly expirationSeconds: number };
};

/** What the client left out, as upstream fills it in. */
function completed(
  { spec, metadata }: TokenRequest,
  { name, namespace = '' }: ObjectRef,
  { audiences, nowMs }: { readonly audiences: readonly string[]; readonly nowMs: number },
): CompleteRequest {
  const { audiences: wanted = [], expirationSeconds, boundObjectRef } = spec ?? {};
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { ...metadata, name, namespace, creationTimestamp: formatTime(nowMs) },
    spec: {
      audiences: wanted.length === 0 ? [...audiences] : wanted,
      expirationSeconds: expirationSeconds ?? EXPIRATION_DEFAULT_SECONDS,
      ...(boundObjectRef === undefined ? {} : { boundObjectRef }),
    },
  };
}

function requestErrors({ spec: { expirationSeconds } }: CompleteRequest): FieldError[] {
  const field = 'spec.expirationSeconds';
  if (expirationSeconds < EXPIRATION_MIN_SECONDS) {
    const detail = 'may not specify a duration less than 10 minutes';
    return [invalidValue(field, expirationSeconds, detail)];
  }
  if (expirationSeconds > EXPIRATION_MAX_SECONDS) {
    const detail = 'may not specify a duration larger than 2^32 seconds';
    return [invalidValue(field, expirationSeconds, detail)];
  }
  return [];
}

async function admit(
  context: StoredContext,
  { admission }: HandlerEnv,
  object: KubernetesObject,
): Promise<void> {
  const { served, info, user } = context;
  const { name = '', namespace } = info;
  const { dryRun, admission: heard } = writeOptions(context);
  const request = {
    ...heard,
    operation: 'CREATE' as const,
    definition: served.definition,
    subresource: 'token',
    name,
    user,
    dryRun,
    object,
    requestKind: TOKEN_REQUEST,
    ...(namespace === undefined ? {} : { namespace }),
  };
  await admission.mutate(request);
  await admission.validate(request);
}

async function bindingOf(
  { spec: { boundObjectRef: reference } }: CompleteRequest,
  account: ObjectRef,
  table: ResourceTable,
): Promise<Binding | undefined> {
  if (reference === undefined) return undefined;
  const { name = '', kind = '' } = reference;
  const { namespace = '' } = account;
  const at = { namespace, name };
  switch (groupOf(reference) === '' ? kind : 'of another group') {
    case 'Pod': {
      const { object } = await table.registry('', 'pods').get(at);
      checkAccount(object as Pod, account.name);
      checkUid(reference, object);
      const node = await nodeOf(object as Pod, table);
      return { kind: 'pod', object: identityOf(object), node };
    }
    case 'Secret': {
      const { object } = await table.registry('', 'secrets').get(at);
      checkUid(reference, object);
      return { kind: 'secret', object: identityOf(object) };
    }
    case 'Node': {
      const { object } = await table.registry('', 'nodes').get({ name });
      checkUid(reference, object);
      return { kind: 'node', object: identityOf(object) };
    }
    default:
      throw badRequest(`cannot bind token to object of type ${kindText(reference)}`);
  }
}

function checkAccount({ spec }: Pod, account: string): void {
  if ((spec?.serviceAccountName ?? '') === account) return;
  throw badRequest(
    `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
  );
}

function checkUid(reference: BoundObjectReference, { metadata }: ReadonlyApiObject): void {
  const { uid = '', kind = '', name = '' } = reference;
  if (uid === '' || uid === metadata.uid) return;
  const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  throw conflict({ group: groupOf(reference), resource: kind }, name, why);
}

/** Where the pod runs; only the name when there is no such node (any more). */
async function nodeOf({ spec }: Pod, table: ResourceTable): Promise<NamedUid | undefined> {
  const name = spec?.nodeName ?? '';
  if (name === '') return undefined;
  try {
    return identityOf((await table.registry('', 'nodes').get({ name })).object);
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return { name };
    throw error;
  }
}

/** Says so when the server gives less than was asked for. */
function shortened(
  { response }: StoredContext,
  { spec: { expirationSeconds: asked } }: CompleteRequest,
  max: number | undefined,
): number {
  if (max === undefined || asked <= max) return asked;
  addWarnings(response, [`requested expiration of ${asked} seconds shortened to ${max} seconds`]);
  return max;
}

function identityOf({ metadata }: ReadonlyApiObject): Required<NamedUid> {
  return { name: metadata.name ?? '', uid: metadata.uid ?? '' };
}

function groupOf({ apiVersion = '' }: BoundObjectReference): string {
  return apiVersion.includes('/') ? (apiVersion.split('/', 1)[0] ?? '') : '';
}

/** As Go prints a GroupVersionKind. */
function kindText({ apiVersion = '', kind = '' }: BoundObjectReference): string {
  return apiVersion.includes('/') ? `${apiVersion}, Kind=${kind}` : `/${apiVersion}, Kind=${kind}`;
}

function check(name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(TOKEN_REQUEST, name, [...errors]);
}
