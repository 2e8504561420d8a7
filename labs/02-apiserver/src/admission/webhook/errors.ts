// errors: how a webhook fails, and what the client hears of it.
//
//   CallError     it could not be asked, or gave no answer that makes sense: failurePolicy decides whether the request goes on
//   rejection     it said no: that is what the client hears, with the status that the webhook chose
//
// Same sentences upstream: apiserver, util/webhook (ErrCallingWebhook) and admission/plugin/webhook/errors/statuserror.go.

import type { Status } from 'kubernetes-types/meta/v1';
import { ApiError, type ApiErrorReason, badRequest } from '../../api-error.ts';
import { isMap } from '../../patch/merge-patch.ts';

export class CallError extends Error {
  /** For metrics: HTTP's where there was an answer of HTTP at all. */
  readonly code: number;

  constructor(
    webhook: string,
    why: string,
    { cause, code = 400 }: { readonly cause?: unknown; readonly code?: number } = {},
  ) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`, { cause });
    this.name = 'CallError';
    this.code = code;
  }
}

/** An answer came, but is none that makes sense. */
export const SENSELESS = 503;

/** What webhooks said, told from errors of the server that look alike. */
const rejections = new WeakMap<object, number>();

export function isRejection(error: unknown): boolean {
  return rejectionCode(error) > 0;
}

/** The code that the client hears; 0 for what no webhook said. */
export function rejectionCode(error: unknown): number {
  return (typeof error === 'object' && error !== null && rejections.get(error)) || 0;
}

const REASONS: readonly ApiErrorReason[] = [
  'AlreadyExists',
  'BadRequest',
  'Conflict',
  'Forbidden',
  'Gone',
  'InternalError',
  'Invalid',
  'MethodNotAllowed',
  'NotFound',
  'ServiceUnavailable',
  'Timeout',
  'TooManyRequests',
  'Unauthorized',
];

/** A refusal is an error, whatever code the webhook gave it. */
export function rejection(webhook: string, status: Partial<Status> = {}): ApiError {
  // What came over the wire may be anything.
  const code = Number.isInteger(status.code) ? (status.code ?? 0) : 0;
  const [message, reason] = [textOf(status.message), textOf(status.reason)];
  const deniedBy = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const why = message === '' ? reason : message;
  const text = why === '' ? `${deniedBy} without explanation` : `${deniedBy}: ${why}`;
  const known = REASONS.find((candidate) => candidate === reason) ?? 'Unknown';
  const error = new ApiError(known, text, {
    code: code < 400 || code > 599 ? 400 : code,
    ...(isMap(status.details) ? { details: status.details } : {}),
  });
  rejections.set(error, error.code);
  return error;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function dryRunUnsupported(webhook: string): ApiError {
  return badRequest(`admission webhook ${JSON.stringify(webhook)} does not support dry run`);
}
