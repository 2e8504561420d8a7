// certificate-controllers: approves the certificate requests of kubelets, and signs what is approved.
//
//   a request → approved by somebody, or at once when its sender has the right to it → signed, or Failed with the reason
//
// One request at a time, from its current state: safe to run any number of times, and beside other servers on the same store. Whoever may
// approve is asked by admission (certificate-admission.ts); here nobody decides anything about a request for another signer.
//
// Same idea upstream: pkg/controller/certificates/{approver,signer}, which run in the controller manager, and take the authority by
// --cluster-signing-cert-file. There is none in lab 04. Left out: the cleaner of old requests, and an authority a signer.

import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from 'kubernetes-types/certificates/v1';
import type { Authorizer } from '../authz/authorizer.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { formatTime, mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import {
  type CertificatePair,
  type RequestFacts,
  readCertificateRequest,
  signCertificateRequest,
} from '../server/pki.ts';
import type { HookEnv, PostStartHook } from '../server/post-start-hooks.ts';
import { approvalMessage, approvingRights, signerProblem, stateOf } from './certificate-policy.ts';
import { readToday, reconcileKeys, unlessTooLate } from './reconcile-keys.ts';
import { SYSTEM_USER } from './user.ts';

export interface CertificateSigningOptions {
  /** Of the authority: PEM of its certificate and its key. */
  readonly authority: CertificatePair;
  /** How long certificates hold at most. Default: a year. */
  readonly durationSeconds?: number | undefined;
}

const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';
const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const YEAR_SECONDS = 365 * 24 * 3600;
/** Shorter ones are of no use to anybody, and the start lies five minutes back. */
const DURATION_MIN_SECONDS = 600;

export function certificateHooks(
  options: CertificateSigningOptions,
  authorizer: Authorizer,
): readonly PostStartHook[] {
  return [
    {
      name: 'certificate-signing-controllers',
      start: (env, signal) => new Controller(env, options, authorizer).run(signal),
      ready() {},
    },
  ];
}

class Controller {
  readonly #options: CertificateSigningOptions;
  readonly #authorizer: Authorizer;
  readonly #requests: Registry;
  readonly #env: HookEnv;

  constructor(env: HookEnv, options: CertificateSigningOptions, authorizer: Authorizer) {
    this.#options = options;
    this.#authorizer = authorizer;
    this.#env = env;
    this.#requests = env.table.registry(GROUP, RESOURCE);
  }

  run(signal: AbortSignal): Promise<void> {
    const keysOf = ({ metadata }: ReadonlyApiObject): readonly string[] => [metadata.name ?? ''];
    const sources = [{ registry: this.#requests, keysOf }];
    const reconcile = (name: string): Promise<void> => this.#reconcile(name);
    return reconcileKeys(this.#env, { name: RESOURCE, sources, reconcile }, signal);
  }

  async #reconcile(name: string): Promise<void> {
    const found = await readToday(this.#requests, { name });
    if (found === undefined) return;
    const request = found as unknown as CertificateSigningRequest;
    const { isIssued, isApproved, isOver } = stateOf(request);
    if (isIssued || isOver) return;
    const facts = readCertificateRequest(request.spec.request);
    if (!isApproved) await this.#approve(request, facts);
    else await this.#sign(request, facts);
  }

  /** The write brings the name back. */
  async #approve(request: CertificateSigningRequest, facts: RequestFacts): Promise<void> {
    const { username = '', groups = [] } = request.spec;
    const user = { name: username, groups };
    const at = { group: GROUP, version: '*', resource: RESOURCE, namespace: '', name: '' };
    const right = approvingRights(request, facts).find((subresource) => {
      const asked = { kind: 'resource' as const, user, verb: 'create', ...at, subresource };
      return this.#authorizer.authorize(asked).decision === 'allow';
    });
    if (right === undefined) return;
    const condition = this.#condition('Approved', 'AutoApproved', approvalMessage(right));
    await this.#write(request, (next) => withCondition(next, condition));
  }

  async #sign(request: CertificateSigningRequest, facts: RequestFacts): Promise<void> {
    const problem = signerProblem(request, facts);
    if (problem === 'other') return;
    if (problem !== undefined) {
      const condition = this.#condition('Failed', 'SignerValidationFailure', problem);
      await this.#write(request, (next) => withCondition(next, condition));
      return;
    }
    const { request: pem, usages = [], expirationSeconds } = request.spec;
    const certificate = await signCertificateRequest(this.#options.authority, pem, {
      usages,
      seconds: this.#durationOf(expirationSeconds),
      nowMs: this.#env.clock.now(),
    });
    const encoded = Buffer.from(certificate).toString('base64');
    await this.#write(request, (next) => ({
      ...next,
      status: { ...next.status, certificate: encoded },
    }));
  }

  #durationOf(asked: number | undefined): number {
    const { durationSeconds = YEAR_SECONDS } = this.#options;
    return asked === undefined
      ? durationSeconds
      : Math.min(durationSeconds, Math.max(asked, DURATION_MIN_SECONDS));
  }

  #condition(type: string, reason: string, message: string): CertificateSigningRequestCondition {
    const now = formatTime(this.#env.clock.now());
    const times = { lastUpdateTime: now, lastTransitionTime: now };
    return { type, status: 'True', reason, message, ...times };
  }

  /** Only while nobody else has decided or signed. */
  async #write(
    { metadata }: CertificateSigningRequest,
    change: (request: CertificateSigningRequest) => CertificateSigningRequest,
  ): Promise<void> {
    const name = metadata?.name ?? '';
    const changed = ({ object }: { readonly object: ReadonlyApiObject }): KubernetesObject => {
      const next = mutableCopy(object) as CertificateSigningRequest;
      const { isIssued, isOver } = stateOf(next);
      const isOther = next.metadata?.uid !== metadata?.uid;
      return (isIssued || isOver || isOther ? next : change(next)) as KubernetesObject;
    };
    // Approvals and certificates go through different subresources; the server's own hand may write both.
    await unlessTooLate(this.#requests.update({ name }, changed, { ...OPTIONS, scope: 'raw' }));
  }
}

function withCondition(
  request: CertificateSigningRequest,
  condition: CertificateSigningRequestCondition,
): CertificateSigningRequest {
  const conditions = request.status?.conditions ?? [];
  if (conditions.some(({ type }) => type === condition.type)) return request;
  return { ...request, status: { ...request.status, conditions: [...conditions, condition] } };
}
