// ApiError: the one error of the Kubernetes API, on both ends of the wire.
//
// The server throws it anywhere below a handler and writes it as a `Status` object; the client reads a `Status` and throws
// it again, so a caller asks ApiError.is(error, 'NotFound') without caring on which side of the socket it stands.
// Reasons, codes and wording are upstream's: people search the web for these sentences, and kubectl prints them.
//
// Same idea upstream: apimachinery, pkg/api/errors (StatusError and its New… functions).
// Left out: errors that only federation and storage migration produce.

import type { Status, StatusCause, StatusDetails } from 'kubernetes-types/meta/v1';

/** Reason → HTTP code, as upstream pairs them. */
const CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServerTimeout: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  Unknown: 500,
} as const satisfies Record<string, number>;

export type ApiErrorReason = keyof typeof CODES;
export type { Status, StatusCause, StatusDetails };

/** What names a resource in messages: `pods`, `deployments.apps`. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}
export interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

export interface ApiErrorOptions {
  readonly code?: number;
  readonly details?: StatusDetails;
  readonly cause?: unknown;
  /** Only a list whose continue token is too old carries one: how to go on without consistency. */
  readonly continue?: string;
}

export class ApiError extends Error {
  readonly reason: ApiErrorReason;
  readonly code: number;
  readonly details?: StatusDetails;
  readonly #continue?: string;

  constructor(reason: ApiErrorReason, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.reason = reason;
    this.code = options.code ?? CODES[reason];
    if (options.details !== undefined) this.details = options.details;
    if (options.continue !== undefined) this.#continue = options.continue;
  }

  static is(error: unknown, reason?: ApiErrorReason): error is ApiError {
    return error instanceof ApiError && (reason === undefined || error.reason === reason);
  }

  /** The error that an answer's body stands for. A body that is no Status (a proxy's page, say) becomes the message. */
  static fromStatus(body: unknown, httpStatus: number): ApiError {
    if (!isStatus(body)) {
      const text = typeof body === 'string' && body.trim() !== '' ? body.trim() : undefined;
      return new ApiError(
        reasonOfCode(httpStatus),
        text ?? `the server answered with HTTP status ${httpStatus}`,
        { code: httpStatus },
      );
    }
    const code = body.code ?? httpStatus;
    const reason = isReason(body.reason) ? body.reason : reasonOfCode(code);
    return new ApiError(reason, body.message ?? reason, {
      code,
      ...(body.details === undefined ? {} : { details: body.details }),
      ...(body.metadata?.continue === undefined ? {} : { continue: body.metadata.continue }),
    });
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.#continue === undefined ? {} : { continue: this.#continue },
      status: 'Failure',
      message: this.message,
      ...(this.reason === 'Unknown' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `pods`, or `deployments.apps` for a resource of a named group. */
export function formatGroupResource({ group, resource }: GroupResource): string {
  return group === '' ? resource : `${resource}.${group}`;
}

export function notFound(resource: GroupResource, name: string): ApiError {
  return new ApiError('NotFound', `${formatGroupResource(resource)} "${name}" not found`, {
    details: detailsOf(resource, name),
  });
}

export function alreadyExists(resource: GroupResource, name: string): ApiError {
  return new ApiError(
    'AlreadyExists',
    `${formatGroupResource(resource)} "${name}" already exists`,
    {
      details: detailsOf(resource, name),
    },
  );
}

/** A write that lost: the object changed since the writer read it. */
export function conflict(
  resource: GroupResource,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  const message = `Operation cannot be fulfilled on ${formatGroupResource(resource)} "${name}": ${why}`;
  return new ApiError('Conflict', message, { details: detailsOf(resource, name) });
}

export function forbidden(
  resource: GroupResource,
  name: string,
  why: string,
  causes?: StatusCause[],
): ApiError {
  const subject = formatGroupResource(resource) + (name === '' ? '' : ` "${name}"`);
  return new ApiError('Forbidden', `${subject} is forbidden: ${why}`, {
    details: { ...detailsOf(resource, name), ...(causes === undefined ? {} : { causes }) },
  });
}

/** `summary` is what stands after "is invalid: "; the causes become kubectl's list of bullets. */
export function invalid(
  { group, kind }: GroupKind,
  name: string,
  summary: string,
  causes: StatusCause[] = [],
): ApiError {
  const subject = group === '' ? kind : `${kind}.${group}`;
  return new ApiError('Invalid', `${subject} "${name}" is invalid: ${summary}`, {
    details: {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind,
      ...(causes.length === 0 ? {} : { causes }),
    },
  });
}

/**
 * An update of what may not be updated blindly. Upstream names the resource where other messages name the kind, and writes the version as
 * Go prints a number.
 */
export function mustBeSeen({ group, resource }: GroupResource, name: string): ApiError {
  const field = 'metadata.resourceVersion';
  const message = 'Invalid value: 0x0: must be specified for an update';
  return invalid({ group, kind: resource }, name, `${field}: ${message}`, [
    { reason: 'FieldValueInvalid', message, field },
  ]);
}

export function badRequest(message: string, cause?: unknown): ApiError {
  return new ApiError('BadRequest', message, cause === undefined ? {} : { cause });
}

export function expired(message: string, continueToken?: string): ApiError {
  return new ApiError(
    'Expired',
    message,
    continueToken === undefined ? {} : { continue: continueToken },
  );
}

export function unauthorized(): ApiError {
  return new ApiError('Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(resource: GroupResource, action: string): ApiError {
  const message = `${action} is not supported on resources of kind "${formatGroupResource(resource)}"`;
  return new ApiError('MethodNotAllowed', message, { details: detailsOf(resource, '') });
}

export function notAcceptable(accepted: readonly string[]): ApiError {
  const message = `only the following media types are accepted: ${accepted.join(', ')}`;
  return new ApiError('NotAcceptable', message);
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError('UnsupportedMediaType', message);
}

export function requestEntityTooLarge(limitBytes: number): ApiError {
  const message = `Request entity too large: limit is ${limitBytes}`;
  return new ApiError('RequestEntityTooLarge', message);
}

/** A fault that is not the client's. The message must not give away secrets: it goes out. */
export function internalError(cause: unknown): ApiError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ApiError('InternalError', `Internal error occurred: ${text}`, {
    details: { causes: [{ message: text }] },
    cause,
  });
}

export function serviceUnavailable(message: string, cause?: unknown): ApiError {
  return new ApiError('ServiceUnavailable', message, cause === undefined ? {} : { cause });
}

export function timeout(message: string, retryAfterSeconds?: number): ApiError {
  return new ApiError(
    'Timeout',
    `Timeout: ${message}`,
    retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } },
  );
}

/** Of upstream's details, `kind` holds the resource's name, not its kind: clients rely on it. */
function detailsOf({ group, resource }: GroupResource, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: resource,
  };
}

function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}

function isReason(reason: string | undefined): reason is ApiErrorReason {
  return reason !== undefined && Object.hasOwn(CODES, reason);
}

function reasonOfCode(code: number): ApiErrorReason {
  const known: Readonly<Record<number, ApiErrorReason>> = {
    409: 'Conflict',
    410: 'Gone',
    500: 'InternalError',
  };
  const found = Object.entries(CODES).find(([, candidate]) => candidate === code);
  return known[code] ?? (found === undefined ? 'Unknown' : (found[0] as ApiErrorReason));
}
