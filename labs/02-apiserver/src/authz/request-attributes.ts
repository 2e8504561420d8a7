// request-attributes: what is asked of the authorizers about a request.
//
// A list or a watch with the field selector metadata.name=NAME is a question about that one object: it gets its name. That is how
// a rule with resourceNames, and the Node authorizer, can allow a kubelet to watch one secret and no other.
// A selector that cannot be read narrows nothing, so it is left out; its 400 comes from the handler, after authorization.
//
// Same rule upstream: apiserver, endpoints/request/requestinfo.go and endpoints/filters/authorization.go.

import { readFieldSelector } from '../registry/field-selector.ts';
import { pathSegment } from '../strategy/name-rules.ts';
import type { Attributes, FieldRequirement, Subject } from './authorizer.ts';

/** Of RequestInfo what counts here. */
export type RequestShape =
  | {
      readonly kind: 'resource';
      readonly verb: string;
      readonly group: string;
      readonly version: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string };

export interface RequestQuestion {
  readonly info: RequestShape;
  readonly user: Subject;
  readonly query: URLSearchParams;
}

const COLLECTION_VERBS: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

export function requestAttributes({ info, user, query }: RequestQuestion): Attributes {
  if (info.kind === 'path') return { kind: 'path', user, verb: info.verb, path: info.path };
  const { verb, group, version, resource, subresource = '', namespace = '', name = '' } = info;
  const named = { kind: 'resource' as const, user, verb, group, version, resource, subresource };
  if (!COLLECTION_VERBS.has(verb)) return { ...named, namespace, name };
  const fieldSelector = fieldRequirements(query.get('fieldSelector') ?? '');
  const selected = verb === 'deletecollection' ? '' : selectedName(fieldSelector);
  return {
    ...named,
    namespace,
    name: name === '' ? selected : name,
    ...(fieldSelector.length === 0 ? {} : { fieldSelector }),
  };
}

/** The requirements of a selector's text; none when it cannot be read. */
export function fieldRequirements(text: string): readonly FieldRequirement[] {
  try {
    return readFieldSelector(text).map(({ field, value, equal }) => ({
      field,
      operator: equal ? '=' : '!=',
      value,
    }));
  } catch {
    return [];
  }
}

function selectedName(requirements: readonly FieldRequirement[]): string {
  const exact = requirements.find(
    ({ field, operator }) => field === 'metadata.name' && operator === '=',
  );
  return exact !== undefined && pathSegment(exact.value).length === 0 ? exact.value : '';
}
