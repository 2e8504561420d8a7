// ValidatingAdmissionWebhook: others have their say about what would be stored, all at once.
//
// Same rules upstream: apiserver, admission/plugin/webhook/validating/dispatcher.go.

import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { ask } from './ask.ts';
import { WebhookClient } from './call.ts';
import { hooksOf, type Invocation, isExempt } from './hooks.ts';
import { wantedInvocationOf } from './match-conditions.ts';
import { outcomeOf, type WebhookEnv } from './outcome.ts';
import { shownObject } from './review.ts';
import { subjectOf } from './subject.ts';

const RESOURCE = 'validatingwebhookconfigurations';
const ANNOTATIONS = 'validating.webhook.admission.k8s.io';

export function validatingWebhooks(env: WebhookEnv): AdmissionPlugin {
  const { table } = env;
  const client = new WebhookClient(table);

  /** Resolves when it has nothing against the request, or could not be asked and that does not matter. */
  const callOne = (
    invocation: Invocation,
    request: AdmissionRequest,
    index: number,
  ): Promise<unknown> => {
    const place = `${ANNOTATIONS}/round_0_index_${index}`;
    const question = { hook: invocation.hook, request, type: 'validating' as const, place };
    return outcomeOf(question, env, () => {
      const object = shownObject(invocation, request, false);
      return ask(client, invocation, request, { object, isMutating: false });
    });
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
