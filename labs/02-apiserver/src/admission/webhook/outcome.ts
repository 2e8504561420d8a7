// outcome: what it means for a request how a webhook answered, or that it did not; and who is told: audit log, server log, metrics.
//
//   it said no            the client hears it, whatever failurePolicy says
//   no answer             failurePolicy decides: the request fails, or goes on as if nobody had been asked
//   a fault of our own    the request fails
//
// Same for both kinds upstream: apiserver, admission/plugin/webhook/{mutating,validating}/dispatcher.go.

import { internalError } from '../../api-error.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { AdmissionType, WebhookOutcome } from '../admission-metrics.ts';
import type { AdmissionEnv } from '../plugins.ts';
import { CallError, isRejection, rejectionCode } from './errors.ts';
import type { Hook } from './hooks.ts';

/** One question, for those who are told of it. */
export interface Question {
  readonly hook: Hook;
  readonly request: AdmissionRequest;
  readonly type: AdmissionType;
  /** `mutation.webhook.admission.k8s.io/round_0_index_3`, as the audit log names it. */
  readonly place: string;
}

/** What the two plugins need. */
export type WebhookEnv = Pick<AdmissionEnv, 'table' | 'log' | 'metrics'>;

const OK = 200;

/** What `asking` gives; undefined when there was no answer, and the request goes on without. Throws what the client shall hear. */
export async function outcomeOf<T>(
  { hook: { webhook }, request, type, place }: Question,
  { log, metrics }: Pick<WebhookEnv, 'log' | 'metrics'>,
  asking: () => Promise<T>,
): Promise<T | undefined> {
  const { name, failurePolicy } = webhook;
  const startMs = performance.now();
  const observe = (outcome: Pick<WebhookOutcome, 'code' | 'rejectedBy' | 'isFailedOpen'>) => {
    const { operation } = request;
    metrics?.webhook({ name, type, operation, ms: performance.now() - startMs, ...outcome });
  };
  try {
    const answer = await asking();
    observe({ code: OK });
    return answer;
  } catch (error) {
    if (!(error instanceof CallError)) {
      const rejectedBy = isRejection(error) ? 'no_error' : 'apiserver_internal_error';
      observe({ code: rejectionCode(error), rejectedBy });
      throw error;
    }
    const { code } = error;
    const isFailedOpen = failurePolicy === 'Ignore';
    observe({ code, isFailedOpen, rejectedBy: isFailedOpen ? undefined : 'calling_webhook_error' });
    if (!isFailedOpen) throw internalError(error);
    log.warn('Failed calling webhook, failing open', { webhook: name, error });
    request.annotate?.(`failed-open.${place}`, name);
    return undefined;
  }
}
