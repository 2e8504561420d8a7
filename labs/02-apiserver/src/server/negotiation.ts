// negotiation: in which shape a client wants its answer, from its Accept header.
//
// A shape is the object itself, a Table (what `kubectl get` prints) or PartialObjectMetadata. We write JSON and YAML; clients that
// prefer protobuf list JSON behind it, and those that take nothing else hear 406 with what there is.
//
// Same idea upstream: apiserver, endpoints/handlers/negotiation. Left out: q-values, as upstream's own clients send none.

import { notAcceptable } from '../api-error.ts';

export type Shape = 'object' | 'table' | 'partial';
export type Encoding = 'json' | 'yaml';

export interface Negotiated {
  readonly shape: Shape;
  readonly encoding: Encoding;
  /** The version of meta.k8s.io that a Table was asked in. */
  readonly metaVersion: string;
}

export const MEDIA_TYPES: readonly string[] = ['application/json', 'application/yaml'];

export function negotiate(accept: string | undefined): Negotiated {
  const clauses = (accept ?? '*/*').split(',').map((clause) => clause.trim().split(/\s*;\s*/));
  for (const [type = '', ...parameters] of clauses) {
    const encoding = encodingOf(type);
    const shape = shapeOf(parameterOf(parameters, 'as'));
    if (encoding === undefined || shape === undefined) continue;
    return { encoding, shape, metaVersion: parameterOf(parameters, 'v') ?? 'v1' };
  }
  throw notAcceptable(MEDIA_TYPES);
}

function encodingOf(type: string): Encoding | undefined {
  switch (type) {
    case '':
    case '*/*':
    case 'application/*':
    case 'application/json':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    default:
      return undefined;
  }
}

function shapeOf(as: string | undefined): Shape | undefined {
  switch (as) {
    case undefined:
      return 'object';
    case 'Table':
      return 'table';
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return 'partial';
    default:
      return undefined;
  }
}

function parameterOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((parameter) => parameter.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}
