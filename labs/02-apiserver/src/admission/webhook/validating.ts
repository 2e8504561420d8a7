// ValidatingAdmissionWebhook: others have their say about what would be stored, all at once.
//
// Same rules upstream: apiserver, admission/plugin/webhook/validating/dispatcher.go.

import { internalError } from '../../api-error.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { AdmissionEnv } from '../plugins.ts';
import { ask } from './ask.ts';
import { WebhookClient } from './call.ts';
import { CallError } from './errors.ts';
import { hooksOf, type Invocation, isExempt } from './hooks.ts';
import { wantedInvocationOf } from './match-conditions.ts';
import { shownObject } from './review.ts';
import { subjectOf } from './subject.ts';

const RESOURCE = 'validatingwebhookconfigurations';
const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io';

export function validatingWebhooks({
  table,
  log,
}: Pick<AdmissionEnv, 'table' | 'log'>): AdmissionPlugin {
  const client = new WebhookClient(table);

  /** Asks one; resolves when it has nothing against the request, or could not be asked and that does not matter. */
  const callOne = async (
    invocation: Invocation,
    request: AdmissionRequest,
    index: number,
  ): Promise<void> => {
    const { webhook } = invocation.hook;
    try {
      const object = shownObject(invocation, request, false);
      await ask(client, invocation, request, { object, isMutating: false });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (webhook.failurePolicy !== 'Ignore') throw internalError(error);
      log.warn('Failed calling webhook, failing open', { webhook: webhook.name, error });
      request.annotate?.(`${FAILED_OPEN}/round_0_index_${index}`, webhook.name);
    }
  };

  return {
    name: 'ValidatingAdmissionWebhook',
    async validate(request) {
      if (isExempt(request)) return;
      const hooks = await hooksOf(table, RESOURCE);
      if (hooks.length === 0) return;
      const { request: subject } = subjectOf(request);
      // Who is asked is settled before anybody is, so that an error in that asks nobody.
      const invocations: (Invocation | undefined)[] = [];
      for (const hook of hooks) {
        invocations.push(await wantedInvocationOf(hook, subject, { table, isMutating: false }));
      }
      const calls = invocations.map((invocation, index) =>
        invocation === undefined ? undefined : callOne(invocation, subject, index),
      );
      // All are waited for, as each must leave its warnings and annotations; the first in order speaks for them.
      const failed = (await Promise.allSettled(calls)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    },
  };
}
