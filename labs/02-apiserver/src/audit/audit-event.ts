// Audit events: what one request looks like in the audit log, stage after stage.
//
//   RequestReceived → (ResponseStarted, for watches and streams) → ResponseComplete, or Panic
// All events of a request share its auditID: the client's Audit-ID header, or one of ours; the answer's header has it too.
// Pure: a record of the request in, upstream's JSON out. What the level does not ask for is not in it.
// Upstream: apiserver, pkg/apis/audit/v1/types.go and pkg/audit/request.go.
import { randomUUID } from 'node:crypto';
import type { AuditAttributes, Level, Stage } from './policy.ts';

export interface AuditUser {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What is known of a request so far; filters and handlers fill it in as they go. */
export interface AuditRecord {
  readonly auditID: string;
  readonly level: Level;
  readonly omitManagedFields: boolean;
  readonly requestURI: string;
  readonly attributes: AuditAttributes & { readonly user: AuditUser; readonly apiVersion: string };
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string | undefined;
  readonly receivedMs: number;
  impersonatedUser?: AuditUser;
  /** The body as it was decoded, and the object of the answer; only kept when the level asks for them. */
  requestObject?: unknown;
  responseObject?: unknown;
  /** Of the object that the request is about, when it has them. */
  objectUid?: string;
  objectResourceVersion?: string;
  code?: number;
  /** The Status of an answer that is one. */
  status?: { readonly status?: string; readonly message?: string; readonly reason?: string };
  readonly annotations: Record<string, string>;
}

const AUDIT_ID_CHARS_MAX = 64;

/** A client may choose the id, to find its request again; a longer one is cut, as upstream's does. */
export function auditIdOf(header: string | undefined): string {
  return header === undefined || header === '' ? randomUUID() : header.slice(0, AUDIT_ID_CHARS_MAX);
}

export function wantsRequestObject(level: Level): boolean {
  return level === 'Request' || level === 'RequestResponse';
}

export function wantsResponseObject(level: Level): boolean {
  return level === 'RequestResponse';
}

/** One line of the log, without its newline. */
export function auditLine(record: AuditRecord, stage: Stage, nowMs: number): string {
  const { level, attributes, code, status } = record;
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: record.auditID,
    stage,
    requestURI: record.requestURI,
    verb: attributes.verb,
    user: userOf(attributes.user),
    impersonatedUser: record.impersonatedUser && userOf(record.impersonatedUser),
    sourceIPs: record.sourceIPs,
    userAgent: record.userAgent,
    objectRef: attributes.isResourceRequest ? objectRefOf(record) : undefined,
    responseStatus:
      stage === 'RequestReceived' || code === undefined
        ? undefined
        : { metadata: {}, ...status, code },
    requestObject: wantsRequestObject(level) ? shown(record, record.requestObject) : undefined,
    responseObject: wantsResponseObject(level) ? shown(record, record.responseObject) : undefined,
    requestReceivedTimestamp: microTime(record.receivedMs),
    stageTimestamp: microTime(nowMs),
    annotations: Object.keys(record.annotations).length > 0 ? record.annotations : undefined,
  });
}

function userOf({ name, uid, groups, extra }: AuditUser): object {
  return {
    username: name,
    uid: uid || undefined,
    groups: groups.length > 0 ? groups : undefined,
    extra,
  };
}

/** Fields that are empty are left out, as Go does. */
function objectRefOf({ attributes, objectUid, objectResourceVersion }: AuditRecord): object {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = attributes;
  return {
    resource,
    namespace: namespace || undefined,
    name: name || undefined,
    uid: objectUid,
    apiGroup: apiGroup || undefined,
    apiVersion: apiVersion || undefined,
    resourceVersion: objectResourceVersion,
    subresource: subresource || undefined,
  };
}

function shown({ omitManagedFields }: AuditRecord, object: unknown): unknown {
  if (!omitManagedFields || !isObject(object)) return object;
  const copy = withoutManagedFields(object);
  const { items } = copy;
  return Array.isArray(items)
    ? { ...copy, items: items.map((item) => (isObject(item) ? withoutManagedFields(item) : item)) }
    : copy;
}

function withoutManagedFields(object: Record<string, unknown>): Record<string, unknown> {
  const { metadata } = object;
  if (!isObject(metadata) || !('managedFields' in metadata)) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

/** RFC 3339 with six digits of a second. */
function microTime(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms)) * 1000);
  const iso = new Date(Math.floor(ms)).toISOString();
  return `${iso.slice(0, -1)}${`${micros}`.padStart(3, '0')}Z`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
