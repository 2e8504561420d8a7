// token-secrets: fills secrets of the type kubernetes.io/service-account-token with a token that does not end.
//
// Somebody makes a secret whose annotation names an account; the secret gets the account's uid, its token, the namespace and the
// authority to trust. When the account is gone or is another one of the same name, the secret goes too. Worked on one secret at a time, from the
// current state: safe to run any number of times, and beside other servers on the same store.
//
// Same rule upstream: pkg/controller/serviceaccount/tokens_controller.go, which runs in the controller manager; there is none in lab 04.
// Left out: making such secrets by itself, as upstream did until 1.24, and forgetting them in accounts.

import type { Secret } from 'kubernetes-types/core/v1';
import type { KubernetesObject } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { HookEnv, PostStartHook } from '../server/post-start-hooks.ts';
import { readToday, reconcileKeys, unlessTooLate } from './reconcile-keys.ts';
import type { TokenIssuer } from './token-issuer.ts';
import { SYSTEM_USER } from './user.ts';

export interface TokenSecretsOptions {
  readonly issuer: TokenIssuer;
  /** PEM of the authority that pods trust; without it secrets hold no ca.crt. */
  readonly rootCa: string | undefined;
}

export const TOKEN_SECRET_TYPE = 'kubernetes.io/service-account-token';
const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const ACCOUNT_UID = 'kubernetes.io/service-account.uid';
const OPTIONS = { user: SYSTEM_USER, dryRun: false };

/** What is to be done about a secret; pure. */
export type SecretPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'fill'; readonly account: { readonly name: string; readonly uid: string } };

export function planSecret(
  secret: ReadonlyApiObject | undefined,
  account: ReadonlyApiObject | undefined,
  rootCa: string | undefined,
): SecretPlan {
  if (secret === undefined || (secret as Secret).type !== TOKEN_SECRET_TYPE)
    return { kind: 'none' };
  const { metadata, data = {} } = secret as Secret;
  if (metadata?.deletionTimestamp !== undefined) return { kind: 'none' };
  const annotated = metadata?.annotations?.[ACCOUNT_UID] ?? '';
  const { uid = '', name = '' } = account?.metadata ?? {};
  if (account === undefined || (annotated !== '' && annotated !== uid)) return { kind: 'delete' };
  const isFull =
    annotated !== '' &&
    data.token !== undefined &&
    data.namespace !== undefined &&
    // One of another server is left: two that overwrite each other would never end.
    (rootCa === undefined || data['ca.crt'] !== undefined);
  return isFull ? { kind: 'none' } : { kind: 'fill', account: { name, uid } };
}

export function tokenSecretController(options: TokenSecretsOptions): PostStartHook {
  return {
    name: 'serviceaccount-token-controller',
    start: (env, signal) => new Controller(env, options).run(signal),
    ready() {},
  };
}

class Controller {
  readonly #options: TokenSecretsOptions;
  readonly #env: HookEnv;
  readonly #secrets: Registry;
  readonly #accounts: Registry;

  constructor(env: HookEnv, options: TokenSecretsOptions) {
    this.#options = options;
    this.#env = env;
    this.#secrets = env.table.registry('', 'secrets');
    this.#accounts = env.table.registry('', 'serviceaccounts');
  }

  run(signal: AbortSignal): Promise<void> {
    const sources = [
      { registry: this.#secrets, keysOf: keyOfSecret },
      {
        registry: this.#accounts,
        keysOfGone: (account: ReadonlyApiObject) => this.#secretsOf(account).flatMap(keyOfSecret),
      },
    ];
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    return reconcileKeys(this.#env, { name: 'tokensecrets', sources, reconcile }, signal);
  }

  #secretsOf({ metadata }: ReadonlyApiObject): ReadonlyApiObject[] {
    return this.#secrets.storage.cache
      .list()
      .map(({ object }) => object)
      .filter(
        ({ metadata: { namespace, annotations } }) =>
          namespace === metadata.namespace && annotations?.[ACCOUNT_NAME] === metadata.name,
      );
  }

  /** Reads the store, not the cache: a secret is deleted only when its account is really not there. */
  async #reconcile(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const secret = await readToday(this.#secrets, { namespace, name });
    const account = secret?.metadata.annotations?.[ACCOUNT_NAME] ?? '';
    const found = await readToday(this.#accounts, { namespace, name: account });
    const plan = planSecret(secret, found, this.#options.rootCa);
    if (plan.kind === 'delete' && secret?.metadata.uid !== undefined) {
      const preconditions = { uid: secret.metadata.uid };
      await unlessTooLate(this.#secrets.delete({ namespace, name }, { preconditions }, OPTIONS));
    } else if (plan.kind === 'fill') {
      await this.#fill({ namespace, name }, plan.account);
    }
  }

  async #fill(
    ref: { readonly namespace: string; readonly name: string },
    account: { readonly name: string; readonly uid: string },
  ): Promise<void> {
    const token = await this.#options.issuer.issueLegacy(ref.namespace, account, ref.name);
    const { rootCa } = this.#options;
    const change = ({ object }: { readonly object: ReadonlyApiObject }): KubernetesObject => {
      const next = mutableCopy(object) as Secret;
      next.metadata = {
        ...next.metadata,
        annotations: { ...next.metadata?.annotations, [ACCOUNT_UID]: account.uid },
      };
      next.data = {
        ...next.data,
        ...(rootCa === undefined ? {} : { 'ca.crt': next.data?.['ca.crt'] ?? base64(rootCa) }),
        namespace: base64(ref.namespace),
        // One that is there already may be in use.
        token: next.data?.token ?? base64(token),
      };
      return next as KubernetesObject;
    };
    await unlessTooLate(this.#secrets.update(ref, change, { ...OPTIONS, scope: 'object' }));
  }
}

function keyOfSecret(object: ReadonlyApiObject): readonly string[] {
  const { type, metadata } = object as Secret;
  return type === TOKEN_SECRET_TYPE ? [`${metadata?.namespace}/${metadata?.name}`] : [];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
