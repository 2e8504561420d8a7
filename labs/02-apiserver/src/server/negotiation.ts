// negotiation: in which shape and encoding a client wants its answer, from its Accept header.
//
// A shape is the object itself, a Table (what `kubectl get` prints) or PartialObjectMetadata. JSON and YAML come first, whatever place
// they have in the list: objects lie in the store as JSON, so that is the cheap answer, and clients that prefer protobuf list JSON behind
// it. Protobuf is for those that take nothing else. Who takes none of the three hears 406 with what there is.
//
// Same idea upstream: apiserver, endpoints/handlers/negotiation.

import { notAcceptable } from '../api-error.ts';

export type Shape = 'object' | 'table' | 'partial';
export type Encoding = 'json' | 'yaml' | 'protobuf';

export interface Negotiated {
  readonly shape: Shape;
  readonly encoding: Encoding;
  /** The version of meta.k8s.io that a Table was asked in. */
  readonly metaVersion: string;
}

export const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};

export const MEDIA_TYPES: readonly string[] = [CONTENT_TYPES.json, CONTENT_TYPES.yaml];

const KNOWN_MAX = 200;
const known = new Map<string, readonly Negotiated[]>();

interface Clause {
  readonly type: string;
  readonly parameters: readonly string[];
  readonly quality: number;
}

export interface NegotiationOptions {
  /** Has the kind a protobuf message? Only asked when it matters. Of metadata alone there always is one. */
  readonly hasProtobuf?: () => boolean;
}

export function negotiate(
  accept: string | undefined,
  { hasProtobuf = () => false }: NegotiationOptions = {},
): Negotiated {
  const offers = offersOf(accept ?? '*/*');
  const text = offers.find(({ encoding }) => encoding !== 'protobuf');
  if (text !== undefined) return text;
  const protobuf = hasProtobuf();
  const binary = offers.find(
    ({ shape }) => shape === 'partial' || (protobuf && shape === 'object'),
  );
  if (binary !== undefined) return binary;
  throw notAcceptable(protobuf ? [...MEDIA_TYPES, CONTENT_TYPES.protobuf] : MEDIA_TYPES);
}

/** The encoding of an error, which every client gets in some form, whatever it accepts. */
export function errorEncoding(accept: string | undefined): Encoding {
  const offers = clausesOf(accept ?? '*/*').map(({ type }) => encodingOf(type));
  return offers.find((found) => found === 'json' || found === 'yaml') ?? offers[0] ?? 'json';
}

/** What we have of what the header asks for, the best first. Clients send the same few texts again and again. */
function offersOf(accept: string): readonly Negotiated[] {
  let offers = known.get(accept);
  if (offers === undefined) {
    offers = clausesOf(accept).flatMap((clause) => offerOf(clause) ?? []);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(accept, offers);
  }
  return offers;
}

/** By quality, then as they stand. */
function clausesOf(accept: string): Clause[] {
  const clauses = accept.split(',').map((clause): Clause => {
    const [type = '', ...parameters] = clause.trim().split(/\s*;\s*/);
    const quality = Number(parameterOf(parameters, 'q') ?? 1);
    return { type, parameters, quality: Number.isNaN(quality) ? 0 : quality };
  });
  return clauses.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality);
}

/** What a clause asks for; undefined when it is nothing that we have. */
function offerOf({ type, parameters }: Clause): Negotiated | undefined {
  const encoding = encodingOf(type);
  const shape = shapeOf(parameterOf(parameters, 'as'));
  if (encoding === undefined || shape === undefined) return undefined;
  return { encoding, shape, metaVersion: parameterOf(parameters, 'v') ?? 'v1' };
}

function encodingOf(type: string): Encoding | undefined {
  switch (type.toLowerCase()) {
    case '':
    case '*/*':
    case 'application/*':
    case CONTENT_TYPES.json:
      return 'json';
    case CONTENT_TYPES.yaml:
      return 'yaml';
    case CONTENT_TYPES.protobuf:
      return 'protobuf';
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
