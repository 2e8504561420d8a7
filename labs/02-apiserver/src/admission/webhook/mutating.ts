// MutatingAdmissionWebhook: others change an object on its way, by JSON patches, one after the other.
//
// When one changed the object, all mutating plugins see it once more, and of the webhooks those that asked for it (reinvocationPolicy
// IfNeeded) and have not seen the last state. There is no third round.
//
// What belongs to the server (names, identity, versions) a patch cannot change.
// Same rules upstream: apiserver, admission/plugin/webhook/mutating (dispatcher.go, reinvocationcontext.go).

import { internalError } from '../../api-error.ts';
import { sameJson } from '../../apply/typed-compare.ts';
import type { KubernetesObject } from '../../client/resources.ts';
import { applyJsonPatch } from '../../patch/json-patch.ts';
import { metadataOf, mutableCopy } from '../../registry/api-object.ts';
import type { AdmissionPlugin, AdmissionRequest, Rounds } from '../admission.ts';
import { ask } from './ask.ts';
import { WebhookClient } from './call.ts';
import { CallError, SENSELESS } from './errors.ts';
import { type Hook, hooksOf, type Invocation, isExempt } from './hooks.ts';
import { wantedInvocationOf } from './match-conditions.ts';
import { outcomeOf, type WebhookEnv } from './outcome.ts';
import { shownObject } from './review.ts';
import { subjectOf } from './subject.ts';

const NAME = 'MutatingAdmissionWebhook';
const RESOURCE = 'mutatingwebhookconfigurations';
const ANNOTATIONS = 'mutation.webhook.admission.k8s.io';

/** Who has to see the object again: those who asked for it, after somebody else changed it. */
class Reinvocations {
  readonly #seen = new Set<string>();
  readonly #due = new Set<string>();
  lastOutput: KubernetesObject | undefined;

  isDue(hook: Hook): boolean {
    return this.#due.has(hook.id);
  }

  sawLatest(hook: Hook): void {
    if (hook.webhook.reinvocationPolicy === 'IfNeeded') this.#seen.add(hook.id);
  }

  changed(): void {
    for (const id of this.#seen) this.#due.add(id);
    this.#seen.clear();
  }
}

export function mutatingWebhooks(env: WebhookEnv): AdmissionPlugin {
  const { table } = env;
  const client = new WebhookClient(table);

  /** Whether it changed anything. */
  const callOne = async (
    invocation: Invocation,
    request: AdmissionRequest,
    round: string,
  ): Promise<boolean> => {
    const { hook } = invocation;
    const place = `${ANNOTATIONS}/${round}`;
    const mutated = await outcomeOf({ hook, request, type: 'admit', place }, env, () =>
      mutateOne(client, invocation, request),
    );
    if (mutated === undefined) return false;
    const { configuration, webhook } = hook;
    request.annotate?.(place, JSON.stringify({ configuration, webhook: webhook.name, mutated }));
    return mutated;
  };

  return {
    name: NAME,
    async mutate(request, rounds) {
      if (isExempt(request)) return;
      const hooks = await hooksOf(table, RESOURCE);
      if (hooks.length === 0) return;
      const kept = reinvocationsOf(rounds);
      // The other plugins changed what the webhooks left: to those that asked for it that is a change as well.
      if (rounds.isSecond && !sameJson(kept.lastOutput, request.object)) kept.changed();
      for (const [index, hook] of hooks.entries()) {
        if (rounds.isSecond && !kept.isDue(hook)) continue;
        // Looked at anew for each: selectors may match only now that an earlier one set a label.
        const { request: subject } = subjectOf(request);
        const invocation = await wantedInvocationOf(hook, subject, { table, isMutating: true });
        if (invocation === undefined) continue;
        const round = `round_${rounds.isSecond ? 1 : 0}_index_${index}`;
        if (await callOne(invocation, request, round)) {
          kept.changed();
          rounds.isSecondWanted = true;
        }
        kept.sawLatest(hook);
      }
      kept.lastOutput = request.object === undefined ? undefined : mutableCopy(request.object);
    },
  };
}

/** From the first round, or fresh ones. */
function reinvocationsOf({ kept }: Rounds): Reinvocations {
  const before = kept.get(NAME);
  if (before instanceof Reinvocations) return before;
  const fresh = new Reinvocations();
  kept.set(NAME, fresh);
  return fresh;
}

/** Whether it changed anything. */
async function mutateOne(
  client: WebhookClient,
  invocation: Invocation,
  request: AdmissionRequest,
): Promise<boolean> {
  const { webhook } = invocation.hook;
  const { request: subject, isWhole } = subjectOf(request);
  const object = shownObject(invocation, subject, true);
  const { patch } = await ask(client, invocation, subject, { object, isMutating: true });
  if (patch === undefined) return false;
  const operations = parsePatch(patch, webhook.name);
  if (operations.length === 0) return false;
  if (object === null || request.object === undefined || !isWhole) {
    const why = `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`;
    throw internalError(new Error(why));
  }
  // Compared as it is stored: a patch that writes what is there already is no change.
  const before = mutableCopy(request.object);
  replaceBy(request, patched(invocation, object, operations));
  return !sameJson(before, request.object);
}

/** What cannot be read is a failed call, for failurePolicy to judge; what cannot be applied is an error in any case. */
function parsePatch(text: string, webhook: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value;
    throw new Error('json: cannot unmarshal into Go value of type jsonpatch.Patch');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CallError(webhook, `received undecodable patch in webhook response: ${why}`, {
      cause: error,
      code: SENSELESS,
    });
  }
}

/** Read by the schema like any body, with its defaults, and converted to the stored version. */
function patched(
  { served }: Invocation,
  object: object,
  operations: readonly unknown[],
): KubernetesObject {
  try {
    const value = applyJsonPatch(object, operations);
    if (served === undefined) return value as KubernetesObject;
    return served.toStorage(served.codec.check(value, 'Ignore').object);
  } catch (error) {
    throw internalError(error);
  }
}

/** The registry and the other plugins hold on to the object: it becomes what it shall be, in its place. */
function replaceBy({ object, operation }: AdmissionRequest, next: KubernetesObject): void {
  const target = object as KubernetesObject & Record<string, unknown>;
  const old = { ...metadataOf(target) };
  for (const field of Object.keys(target)) delete target[field];
  Object.assign(target, next);
  const metadata = metadataOf(target);
  const kept = ['namespace', 'uid', 'creationTimestamp', 'resourceVersion', 'generation'] as const;
  for (const field of operation === 'CREATE' ? kept : ([...kept, 'name'] as const)) {
    const value = old[field];
    if (value === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: value });
  }
}
