// RequestContext: one request on its way through the handlers, with what is known of it already.
//
// Query parameters are read here, once, so that a wrong one gets the same answer everywhere.
// Same idea upstream: apiserver, endpoints/handlers' RequestScope and meta/v1's ListOptions.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest } from '../api-error.ts';
import type { User } from '../auth/user.ts';
import type { ObjectRef } from '../client/resources.ts';
import type { FieldValidation } from '../codec/decode.ts';
import { hasProtobuf } from '../codec/protobuf-encode.ts';
import type { Registry } from '../registry/registry.ts';
import type { Served } from '../registry/served.ts';
import type { WriteOptions } from '../registry/write-options.ts';
import type { Exchange } from './exchange.ts';
import { type Negotiated, negotiate } from './negotiation.ts';
import type { ResourceRequest } from './request-info.ts';
import { readBody } from './responses.ts';
import { addWarnings } from './warnings.ts';

export interface RequestContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: ResourceRequest;
  readonly query: URLSearchParams;
  readonly user: User;
  /** The resource in the version that the path names. */
  readonly served: Served;
  /** Of the stored version; undefined for a resource of which nothing is stored. See StoredContext. */
  readonly registry: Registry | undefined;
  /** Of the API: get, list, watch, create, …; empty for methods that it does not know. */
  readonly verb: string;
  /** What the filters know besides: the audit entry, whether the answer has begun. */
  readonly exchange: Exchange;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

export interface Body {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

export function refOf({ info }: RequestContext): ObjectRef {
  const { name = '', namespace } = info;
  return namespace === undefined ? { name } : { name, namespace };
}

export function negotiated({ request, served }: RequestContext): Negotiated {
  return negotiate(request.headers.accept, {
    hasProtobuf() {
      return hasProtobuf({ apiVersion: served.apiVersion, kind: served.definition.kind });
    },
  });
}

export async function bodyOf({ request }: RequestContext): Promise<Body> {
  return { bytes: await readBody(request), contentType: request.headers['content-type'] };
}

export function writeOptions(context: RequestContext): WriteOptions {
  const { query, user, served, info } = context;
  const values = query.getAll('dryRun').filter((value) => value !== '');
  const { judgesItself, strategy, subresources } = served.definition;
  const own = subresources.find(({ name }) => name === info.subresource)?.strategy;
  const judge = own ?? (judgesItself === true ? strategy : undefined);
  return {
    user,
    dryRun: dryRunOf(values),
    admission: admissionContext(context),
    ...(judge === undefined ? {} : { strategy: judge }),
  };
}

const OPTIONS_KINDS: Readonly<Partial<Record<string, string>>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};

/** What admission plugins hear of the request, in the version that the client speaks. */
function admissionContext({ served, info, query, verb, response, exchange }: RequestContext) {
  const { group, version, resource, kind } = served.definition;
  const optionsKind = OPTIONS_KINDS[verb];
  const given = ['fieldManager', 'fieldValidation'].flatMap((name) => {
    const value = query.get(name);
    return value === null || value === '' ? [] : [[name, value]];
  });
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  return {
    requestKind: { group, version, kind },
    requestResource: { group, version, resource },
    ...(info.subresource === undefined ? {} : { requestSubresource: info.subresource }),
    ...(optionsKind === undefined
      ? {}
      : {
          options: {
            kind: optionsKind,
            apiVersion: 'meta.k8s.io/v1',
            ...(dryRun.length === 0 ? {} : { dryRun }),
            ...Object.fromEntries(given),
          },
        }),
    warn: (text: string) => addWarnings(response, [text]),
    annotate: (key: string, value: string) => exchange.audit?.annotate(key, value),
  };
}

export function dryRunOf(values: readonly string[]): boolean {
  const wrong = values.find((value) => value !== 'All');
  if (wrong !== undefined) {
    throw badRequest(
      `invalid dry run: dryRun: Unsupported value: "${wrong}": supported values: "All"`,
    );
  }
  return values.length > 0;
}

export function fieldValidationOf({ query }: RequestContext): FieldValidation {
  const value = query.get('fieldValidation') ?? '';
  if (value === 'Strict' || value === 'Ignore' || value === 'Warn') return value;
  if (value === '') return 'Warn';
  throw badRequest(
    `invalid field validation: fieldValidation: Unsupported value: "${value}": supported values: "Ignore", "Strict", "Warn"`,
  );
}

/** A whole number of 0 or more, or undefined when it is not given. */
export function integerOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(`${name}: Invalid value: "${text}": must be a whole number`);
  }
  return Number(text);
}

export function isTrue(query: URLSearchParams, name: string): boolean {
  return ['true', '1'].includes(query.get(name) ?? '');
}

export function selectorsOf({ query, info }: RequestContext) {
  const labelSelector = query.get('labelSelector') ?? '';
  const named = info.name === undefined ? '' : `metadata.name=${info.name}`;
  const fieldSelector = [named, query.get('fieldSelector') ?? ''].filter(Boolean).join(',');
  return {
    labelSelector,
    fieldSelector,
    ...(info.namespace === undefined ? {} : { namespace: info.namespace }),
  };
}
