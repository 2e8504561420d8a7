// AdmissionMetrics: how long admission takes, plugin by plugin and webhook by webhook, and whom it refuses, under upstream's names.
//
// Series are as many as there are plugins, webhooks and operations; none comes from what a client sends.
//
// Same names and labels upstream: apiserver, admission/metrics/metrics.go. Left out: summaries, and what belongs to match conditions.

import { Counter, type Registry } from 'prom-client';
import { Durations, type ObserveSeconds } from '../server/durations.ts';
import type { AdmissionOperation } from './admission.ts';

/** `validating` is what upstream calls it for webhooks. */
export type AdmissionType = 'admit' | 'validate' | 'validating';
export type Observe = (operation: AdmissionOperation, ms: number, isRejected: boolean) => void;
export type RejectionCause = 'no_error' | 'calling_webhook_error' | 'apiserver_internal_error';

export interface WebhookOutcome {
  readonly name: string;
  readonly type: AdmissionType;
  readonly operation: AdmissionOperation;
  readonly ms: number;
  /** HTTP's; 400 where there was no answer at all, as upstream, and 0 for a fault of the server's own. */
  readonly code: number;
  /** Undefined: the request goes on. */
  readonly rejectedBy?: RejectionCause | undefined;
  /** There was no answer, and that did not matter. */
  readonly isFailedOpen?: boolean;
}

export interface AdmissionMetrics {
  plugin(name: string, type: AdmissionType): Observe;
  /** All plugins together. */
  step(type: AdmissionType): Observe;
  webhook(outcome: WebhookOutcome): void;
  text(): string;
}

const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
/** More would only make more series. */
const CODE_MAX = 600;

export function admissionMetrics(register: Registry): AdmissionMetrics {
  const registers = [register];
  const durations = (name: string, what: string, buckets = SECONDS) =>
    new Durations(`apiserver_admission_${name}_duration_seconds`, `Time of ${what}.`, buckets);
  const steps = durations('step_admission', 'an admission step');
  const plugins = durations('controller_admission', 'a plugin');
  const webhooks = durations('webhook_admission', 'a webhook', [...SECONDS, 10, 25]);
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `apiserver_admission_${name}`, help, labelNames, registers });
  const common = ['name', 'type', 'operation'];
  const rejections = counter(
    'webhook_rejection_count',
    'Requests that a webhook stopped: by its answer, or because it gave none.',
    ...common,
    'error_type',
    'rejection_code',
  );
  const failedOpen = counter(
    'webhook_fail_open_count',
    'Requests that went on although a webhook gave no answer.',
    'name',
    'type',
  );
  const requests = counter(
    'webhook_request_total',
    'Questions to webhooks.',
    ...common,
    'code',
    'rejected',
  );
  return {
    plugin: (name, type) => observerOf(plugins, { name, type }),
    step: (type) => observerOf(steps, { type }),
    webhook({ name, type, operation, ms, code, rejectedBy, isFailedOpen = false }) {
      const isRejected = rejectedBy !== undefined;
      const shownCode = String(Math.min(code, CODE_MAX));
      const labels = { name, type, operation };
      observerOf(webhooks, { name, type })(operation, ms, isRejected);
      requests.inc({ ...labels, code: shownCode, rejected: String(isRejected) });
      if (isFailedOpen) failedOpen.inc({ name, type });
      if (isRejected)
        rejections.inc({ ...labels, error_type: rejectedBy, rejection_code: shownCode });
    },
    text: () => [steps, plugins, webhooks].map((each) => each.text()).join(''),
  };
}

/** Its series are made when they are first seen: most plugins never reject anything. */
function observerOf(durations: Durations, labels: Readonly<Record<string, string>>): Observe {
  const admitted = new Map<AdmissionOperation, ObserveSeconds>();
  const rejected = new Map<AdmissionOperation, ObserveSeconds>();
  return (operation, ms, isRejected) => {
    const known = isRejected ? rejected : admitted;
    let observe = known.get(operation);
    if (observe === undefined) {
      observe = durations.observer({ ...labels, operation, rejected: String(isRejected) });
      known.set(operation, observe);
    }
    observe(ms / 1000);
  };
}
