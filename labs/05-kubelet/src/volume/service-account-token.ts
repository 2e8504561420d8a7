// ServiceAccountTokens: who a pod is to the API server: a token of its service account, bound to it, and renewed in time.
//
// A token is asked for when the volume that shows it is set up, and again when 80 % of its life or a day are over, a few
// seconds earlier or later, so that a node's pods do not all ask at once. What cannot be renewed is kept until it
// expires: the API server may be away for a while. Tokens are here and on tmpfs, never on a disk, so a kubelet that
// starts again asks for new ones. Bound to the pod, they are good only as long as the pod is there.
//
// Same idea upstream: kubernetes, pkg/kubelet/token/token_manager.go.

import { type Client, type Clock, type Logger, messageOf, resources } from '@kube-labs/apiserver';
import type { TokenRequest } from 'kubernetes-types/authentication/v1';
import type { Pod, ServiceAccountTokenProjection } from 'kubernetes-types/core/v1';

export interface IssuedToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export type RequestToken = (
  pod: Pod,
  projection: ServiceAccountTokenProjection,
) => Promise<IssuedToken>;

export interface ServiceAccountTokensOptions {
  readonly request: RequestToken;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1; how much earlier a token is renewed. */
  readonly random?: () => number;
}

const LIFE_PART = 0.8;
const AGE_MAX_MS = 24 * 60 * 60 * 1_000;
const JITTER_MAX_MS = 10_000;

export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokensOptions;
  /** By pod, audience and lifetime. */
  readonly #tokens = new Map<string, IssuedToken>();

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options;
  }

  /** One that is still good. Throws when there is none, and none can be had. */
  async token(pod: Pod, projection: ServiceAccountTokenProjection): Promise<string> {
    const { request, clock, log, random = Math.random } = this.#options;
    const { audience = '', expirationSeconds = '' } = projection;
    const key = `${pod.metadata?.uid}/${audience}/${expirationSeconds}`;
    const known = this.#tokens.get(key);
    if (known !== undefined && !isDue(known, clock.now(), random() * JITTER_MAX_MS)) {
      return known.token;
    }
    try {
      const fresh = await request(pod, projection);
      this.#tokens.set(key, fresh);
      return fresh.token;
    } catch (error) {
      if (known === undefined) throw new Error(`failed to fetch token: ${messageOf(error)}`);
      if (clock.now() >= known.expiresAtMs) {
        throw new Error(`token expired and refresh failed: ${messageOf(error)}`);
      }
      const { name, namespace } = pod.metadata ?? {};
      log.warn("Couldn't update token", { pod: `${namespace}/${name}`, err: messageOf(error) });
      return known.token;
    }
  }

  forget(podUid: string): void {
    for (const key of this.#tokens.keys()) {
      if (key.startsWith(`${podUid}/`)) this.#tokens.delete(key);
    }
  }
}

/** Is it time for a new one? @param jitterMs earlier than it had to be. */
export function isDue(token: IssuedToken, nowMs: number, jitterMs: number): boolean {
  const { issuedAtMs, expiresAtMs } = token;
  const lifeMs = (expiresAtMs - issuedAtMs) * LIFE_PART;
  return nowMs > issuedAtMs + Math.min(lifeMs, AGE_MAX_MS) - jitterMs;
}

/** Asks the API server for tokens that are bound to the pod, as the pod's own service account. */
export function tokenRequests(client: Client): RequestToken {
  return async (pod, { audience, expirationSeconds }) => {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const account = { namespace, name: pod.spec?.serviceAccountName || 'default' };
    const answer = (await client.createSubresource(resources.serviceAccounts, account, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience ? [audience] : [],
        ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    })) as TokenRequest;
    const { token, expirationTimestamp } = answer.status ?? { token: '', expirationTimestamp: '' };
    const expiresAtMs = Date.parse(String(expirationTimestamp));
    // The server may have given less time than was asked for, and says how much.
    const lifeMs = (answer.spec.expirationSeconds ?? 0) * 1_000;
    return { token, expiresAtMs, issuedAtMs: expiresAtMs - lifeMs };
  };
}
