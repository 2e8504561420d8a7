// AdmissionMetrics: how long admission takes, plugin by plugin and webhook by webhook, and whom it refuses, under upstream's names.
//
// Some forty times are taken for one write, so what is measured is added up in plain numbers, and becomes text only when somebody asks.
// Series are as many as there are plugins, webhooks and operations; none comes from what a client sends.
//
// Same names and labels upstream: apiserver, admission/metrics/metrics.go. Left out: summaries, and what belongs to match conditions.

import { Counter, type Registry } from 'prom-client';
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
  /** HTTP's; 0 when there was no answer. */
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
  const steps = new Durations('step_admission_duration_seconds', 'Time of an admission step.');
  const plugins = new Durations('controller_admission_duration_seconds', 'Time of a plugin.');
  const webhooks = new Durations('webhook_admission_duration_seconds', 'Time of a webhook.', [
    ...SECONDS,
    10,
    25,
  ]);
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
    plugin: (name, type) => plugins.observer({ name, type }),
    step: (type) => steps.observer({ type }),
    webhook({ name, type, operation, ms, code, rejectedBy, isFailedOpen = false }) {
      const isRejected = rejectedBy !== undefined;
      const shownCode = String(Math.min(code, CODE_MAX));
      const labels = { name, type, operation };
      webhooks.observer({ name, type })(operation, ms, isRejected);
      requests.inc({ ...labels, code: shownCode, rejected: String(isRejected) });
      if (isFailedOpen) failedOpen.inc({ name, type });
      if (isRejected)
        rejections.inc({ ...labels, error_type: rejectedBy, rejection_code: shownCode });
    },
    text: () => [steps, plugins, webhooks].map((durations) => durations.text()).join(''),
  };
}

interface Series {
  readonly labels: string;
  /** Of each bucket alone; the last is for what is longer than all. */
  readonly counts: number[];
  sum: number;
}

/** A histogram whose observers know their series already. */
class Durations {
  readonly #name: string;
  readonly #head: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string, buckets: readonly number[] = SECONDS) {
    this.#name = `apiserver_admission_${name}`;
    this.#head = `# HELP ${this.#name} ${help}\n# TYPE ${this.#name} histogram\n`;
    this.#buckets = buckets;
  }

  observer(labels: Readonly<Record<string, string>>): Observe {
    const byOperation = new Map<AdmissionOperation, { admitted?: Series; rejected?: Series }>();
    return (operation, ms, isRejected) => {
      const known = byOperation.get(operation) ?? {};
      byOperation.set(operation, known);
      const field = isRejected ? 'rejected' : 'admitted';
      known[field] ??= this.#seriesOf({ ...labels, operation, rejected: String(isRejected) });
      const { counts } = known[field];
      const seconds = ms / 1000;
      let bucket = 0;
      while (bucket < this.#buckets.length && seconds > (this.#buckets[bucket] ?? 0)) bucket += 1;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      known[field].sum += seconds;
    };
  }

  text(): string {
    const lines = [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let total = 0;
      const buckets = counts.map((count, index) => {
        total += count;
        return `${this.#name}_bucket{${labels},le="${this.#buckets[index] ?? '+Inf'}"} ${total}`;
      });
      return [
        ...buckets,
        `${this.#name}_sum{${labels}} ${sum}`,
        `${this.#name}_count{${labels}} ${total}`,
      ];
    });
    return `${this.#head}${lines.map((line) => `${line}\n`).join('')}`;
  }

  #seriesOf(labels: Readonly<Record<string, string>>): Series {
    const text = Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(',');
    const counts = new Array<number>(this.#buckets.length + 1).fill(0);
    const series = this.#series.get(text) ?? { labels: text, counts, sum: 0 };
    this.#series.set(text, series);
    return series;
  }
}
