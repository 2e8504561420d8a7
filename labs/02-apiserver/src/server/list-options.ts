// list-options: what a list or a watch asks for in its query, or why that cannot be.
//
// How old the answer may be is said by resourceVersion and resourceVersionMatch (see registry/list.ts); most combinations of the two with
// limit, continue and sendInitialEvents mean something, and those that do not are refused before anything is read.
//
// Same rule upstream: apimachinery, apis/meta/internalversion/validation (ValidateListOptions) and apiserver, storage/util.go.

import { badRequest } from '../api-error.ts';
import type { ListRequest } from '../registry/list.ts';
import {
  type FieldError,
  forbiddenField,
  invalid,
  invalidValue,
  notSupported,
} from '../strategy/field-error.ts';

export interface WatchRequest {
  /** Changes after this one; undefined: from now on. */
  readonly resourceVersion: number | undefined;
  /** The current state comes first, as ADDED events. */
  readonly sendInitial: boolean;
  /** A bookmark tells when the state is complete. */
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

const LIST_OPTIONS = { group: 'meta.k8s.io', version: 'internalversion', kind: 'ListOptions' };
const MATCH = 'resourceVersionMatch';
const NOT_OLDER_THAN = 'NotOlderThan';

/** Throws Invalid or BadRequest. */
export function listRequestOf(query: URLSearchParams): ListRequest {
  const match = query.get(MATCH) ?? '';
  const token = query.get('continue') ?? '';
  const given = query.get('resourceVersion') ?? '';
  refuse(mistakesOfList(query, { match, token, given }));
  const limit = integer(query, 'limit') ?? 0;
  integer(query, 'timeoutSeconds'); // Means nothing here, but must be a number.
  if (token !== '') {
    if (given !== '' && given !== '0') {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    return { continue: token, limit };
  }
  const resourceVersion = resourceVersionOf(query);
  return {
    limit,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(match === 'Exact' || match === NOT_OLDER_THAN ? { match } : {}),
  };
}

function mistakesOfList(
  query: URLSearchParams,
  { match, token, given }: { match: string; token: string; given: string },
): FieldError[] {
  const mistakes: FieldError[] = [];
  const forbidden = (why: string) => mistakes.push(forbiddenField(MATCH, `${MATCH} ${why}`));
  if (match !== '') {
    if (given === '') forbidden('is forbidden unless resourceVersion is provided');
    if (token !== '') forbidden('is forbidden when continue is provided');
    if (match !== 'Exact' && match !== NOT_OLDER_THAN) {
      mistakes.push(notSupported(MATCH, match, ['Exact', NOT_OLDER_THAN, '']));
    }
    if (match === 'Exact' && given === '0') {
      forbidden('"exact" is forbidden for resourceVersion "0"');
    }
  }
  if (isGiven(query, 'sendInitialEvents')) {
    mistakes.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return mistakes;
}

/** Throws Invalid or BadRequest. */
export function watchRequestOf(query: URLSearchParams): WatchRequest {
  refuse(mistakesOfWatch(query));
  const bookmarks = isTrue(query, 'allowWatchBookmarks');
  const asked = isGiven(query, 'sendInitialEvents');
  const sendsAsAsked = isTrue(query, 'sendInitialEvents');
  const timeoutSeconds = integer(query, 'timeoutSeconds');
  const resourceVersion = watchedVersionOf(query);
  const isFromNow = resourceVersion === undefined || resourceVersion === 0;
  return {
    resourceVersion,
    sendInitial: asked ? sendsAsAsked : isFromNow,
    marksInitialEnd: sendsAsAsked && bookmarks,
    bookmarks,
    timeoutSeconds,
  };
}

function mistakesOfWatch(query: URLSearchParams): FieldError[] {
  const match = query.get(MATCH) ?? '';
  const asked = isGiven(query, 'sendInitialEvents');
  const mistakes: FieldError[] = [];
  if (asked && match !== NOT_OLDER_THAN) {
    const why = `sendInitialEvents requires setting ${MATCH} to ${NOT_OLDER_THAN}`;
    mistakes.push(forbiddenField(MATCH, why));
  }
  if (match === '') return mistakes;
  const forbidden = (why: string) => mistakes.push(forbiddenField(MATCH, `${MATCH} ${why}`));
  if (!asked) forbidden('is forbidden for watch unless sendInitialEvents is provided');
  if (match !== NOT_OLDER_THAN) mistakes.push(notSupported(MATCH, match, [NOT_OLDER_THAN]));
  if (isGiven(query, 'continue')) forbidden('is forbidden when continue is provided');
  return mistakes;
}

/** Undefined when none is given. Throws BadRequest for what is no revision. */
export function resourceVersionOf(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (isRevision(text)) return Number(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: ${notParsed(text)}`,
  );
}

/** A watch answers the same mistake as Invalid. */
function watchedVersionOf(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text !== '' && !isRevision(text)) {
    refuse([invalidValue('resourceVersion', text, notParsed(text))]);
  }
  return text === '' ? undefined : Number(text);
}

/** Revisions count changes: more digits than a number holds exactly are none. */
function isRevision(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

function notParsed(text: string): string {
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  return `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`;
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  const why = /^[+-]?\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
}

function isGiven(query: URLSearchParams, name: string): boolean {
  return (query.get(name) ?? '') !== '';
}

function isTrue(query: URLSearchParams, name: string): boolean {
  return ['true', '1'].includes(query.get(name) ?? '');
}

function refuse(mistakes: readonly FieldError[]): void {
  if (mistakes.length > 0) throw invalid(LIST_OPTIONS, '', mistakes);
}
