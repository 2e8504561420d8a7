// match-conditions: of the webhooks that a request concerns, those whose `matchConditions` all hold for it.
//
// One condition that does not hold is enough: the webhook is not asked, whatever the others say. When none is false but one failed,
// failurePolicy decides: Fail refuses the request, Ignore does without the webhook.
//
// Same rules upstream: apiserver, admission/plugin/webhook/matchconditions/matcher.go, and generic/webhook.go (ShouldCallHook).

import { type ApiError, forbidden } from '../../api-error.ts';
import { MATCH_CONDITIONS_BUDGET, PER_CALL_LIMIT } from '../../cel/cost.ts';
import { compileMatchCondition } from '../../cel/match-conditions.ts';
import { dynamic } from '../../cel/schema-types.ts';
import type { ResourceTable } from '../../registry/resource-table.ts';
import type { AdmissionRequest } from '../admission.ts';
import { type Hook, type Invocation, invocationOf } from './hooks.ts';
import { reviewOf, shownObject } from './review.ts';

const NOTHING_LEFT =
  'validation failed due to running out of cost budget, no further validation rules will be run';

/** As invocationOf(), with the conditions. */
export async function wantedInvocationOf(
  hook: Hook,
  request: AdmissionRequest,
  { table, isMutating }: { readonly table: ResourceTable; readonly isMutating: boolean },
): Promise<Invocation | undefined> {
  const invocation = await invocationOf(hook, request, table);
  const { matchConditions = [], failurePolicy } = hook.webhook;
  if (invocation === undefined || matchConditions.length === 0) return invocation;
  const verdict = judge(
    matchConditions.map(({ expression }) => expression.trim()),
    variablesOf(invocation, request, isMutating),
  );
  if (verdict.isMatch) return invocation;
  if (verdict.failures.length === 0 || failurePolicy === 'Ignore') return undefined;
  throw refusal(request, verdict.failures);
}

interface Verdict {
  readonly isMatch: boolean;
  /** Empty when a condition is false. */
  readonly failures: readonly string[];
}

/** All are looked at, as one that is false outweighs any that fail. */
function judge(expressions: readonly string[], variables: object): Verdict {
  const failures: string[] = [];
  let budget = MATCH_CONDITIONS_BUDGET;
  for (const expression of expressions) {
    const compiled = compileMatchCondition(expression);
    const fail = (why: string) =>
      failures.push(`expression '${expression}' resulted in error: ${why}`);
    if (compiled.kind === 'wrong') {
      fail(compiled.message);
      continue;
    }
    const outcome = compiled.program.run(variables, Math.min(PER_CALL_LIMIT, budget));
    if (outcome.kind === 'exceeded') {
      failures.push(NOTHING_LEFT);
      break;
    }
    budget -= outcome.cost;
    if (outcome.kind === 'failed') fail(outcome.message);
    else if (outcome.value !== true) return { isMatch: false, failures: [] };
  }
  return { isMatch: failures.length === 0, failures };
}

/** What the webhook itself would be sent, without what identifies the review. */
function variablesOf(
  invocation: Invocation,
  request: AdmissionRequest,
  isMutating: boolean,
): object {
  const shown = shownObject(invocation, request, isMutating);
  const { request: review } = reviewOf(invocation, request, { uid: '', object: null }) as {
    readonly request: { readonly oldObject: unknown; readonly options: unknown };
  };
  const { oldObject, options, ...rest } = review;
  return {
    object: dynamic(shown),
    oldObject: dynamic(oldObject),
    request: { ...rest, options: dynamic(options) },
  };
}

function refusal({ definition, name }: AdmissionRequest, failures: readonly string[]): ApiError {
  const why = failures.length === 1 ? failures.join() : `[${failures.join(', ')}]`;
  return forbidden(definition, name, why);
}
