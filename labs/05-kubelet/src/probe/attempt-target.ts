// AttemptTarget: what a probe or hook is aimed at, and what may come of it.
//
// Success is a union member, and so is failure with the text that ends up in the event, in upstream's words. A probe that
// could not be made at all (the engine is away, the port has no such name) says nothing about the container: that is
// `unknown`, and no failure.
//
// Same idea upstream: kubernetes, pkg/probe/probe.go, and pkg/probe/util.go.

import type { Clock } from '@kube-labs/apiserver';
import type {
  Container,
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  SleepAction,
  TCPSocketAction,
} from 'kubernetes-types/core/v1';
import type { Runtime } from '../runtime/runtime.ts';

export type AttemptResult =
  /** @property warning is worth an event, e.g. a redirect to another host, which nobody follows. */
  | { readonly kind: 'success'; readonly warning?: string }
  | { readonly kind: 'failure'; readonly output: string }
  | { readonly kind: 'unknown'; readonly output: string };

export type HookResult = Exclude<AttemptResult, { kind: 'unknown' }>;

export interface Handler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
  /** Of probes only. */
  readonly grpc?: GRPCAction;
  /** Of hooks only. */
  readonly sleep?: SleepAction;
}

/** Hooks have no time limit of their own: they take as long as they take. */
export interface HookTarget {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly containerId: string;
  readonly spec: Container;
  readonly address: string;
}

export interface AttemptTarget extends HookTarget {
  readonly timeoutMs: number;
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, spec: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = (spec.ports ?? []).find(({ name }) => name === port);
  if (named === undefined) throw new Error(`couldn't find port: ${port}`);
  return named.containerPort;
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
