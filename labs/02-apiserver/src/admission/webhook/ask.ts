// ask: one webhook about one request: the question, the answer, and what the answer says besides yes and no.
//
// Same steps upstream: apiserver, admission/plugin/webhook/{mutating,validating}/dispatcher.go.

import { randomUUID } from 'node:crypto';
import type { AdmissionRequest } from '../admission.ts';
import type { WebhookClient } from './call.ts';
import { CallError, dryRunUnsupported, rejection, SENSELESS } from './errors.ts';
import type { Invocation } from './hooks.ts';
import { type ReviewAnswer, readAnswer, reviewOf } from './review.ts';

const NO_SIDE_EFFECTS: readonly string[] = ['None', 'NoneOnDryRun'];

/** Throws CallError when there is no answer, and what the client shall hear when it is no. */
export async function ask(
  client: WebhookClient,
  invocation: Invocation,
  request: AdmissionRequest,
  { object, isMutating }: { readonly object: object | null; readonly isMutating: boolean },
): Promise<ReviewAnswer> {
  const { webhook } = invocation.hook;
  const { name } = webhook;
  if (request.dryRun && !NO_SIDE_EFFECTS.includes(webhook.sideEffects))
    throw dryRunUnsupported(name);
  const uid = randomUUID();
  const value = await client.ask(invocation.hook, reviewOf(invocation, request, { uid, object }));
  const answer = readAnswer(value, uid, isMutating);
  if (typeof answer === 'string') {
    throw new CallError(name, `received invalid webhook response: ${answer}`, { code: SENSELESS });
  }
  for (const [key, text] of Object.entries(answer.auditAnnotations)) {
    request.annotate?.(`${name}/${key}`, text);
  }
  for (const warning of answer.warnings) request.warn?.(warning);
  if (!answer.isAllowed) throw rejection(name, answer.status);
  return answer;
}
