// The auditor: asks the policy about each request, and writes down what it wants.
//
//   request → policy → nothing, or an entry → a line at each stage → the log
// Rules of use: see auditor.ts.
// Upstream: apiserver, endpoints/filters/audit.go and pkg/audit/request.go.
import type { IncomingMessage } from 'node:http';
import type { User } from '../auth/user.ts';
import type { Attributes } from '../authz/authorizer.ts';
import {
  type AuditRecord,
  auditIdOf,
  auditLine,
  wantsRequestObject,
  wantsResponseObject,
} from './audit-event.ts';
import type { AuditEntry, AuditedAnswer, AuditedRequest, Auditor } from './auditor.ts';
import { decide, type Policy, type Stage } from './policy.ts';

export interface AuditSink {
  write(line: string): void;
  close?(): Promise<void>;
}

export interface AuditorOptions {
  readonly policy: Policy;
  readonly sink: AuditSink;
  /** Milliseconds since 1970, with fractions. */
  readonly now?: () => number;
}

const now = () => performance.timeOrigin + performance.now();

export function buildAuditor(options: AuditorOptions): Auditor {
  const { policy, sink, now: nowMs = now } = options;
  return {
    begin(audited) {
      const attributes = flatAttributes(audited.attributes, audited.user);
      const { level, omitStages, omitManagedFields } = decide(policy, attributes);
      if (level === 'None') return undefined;
      const record = recordOf(audited, attributes, { level, omitManagedFields });
      const write = (stage: Stage) => {
        if (!omitStages.includes(stage)) sink.write(auditLine(record, stage, nowMs()));
      };
      write('RequestReceived');
      return new Entry(record, write);
    },
    close: async () => sink.close?.(),
  };
}

class Entry implements AuditEntry {
  readonly #record: AuditRecord;
  readonly #write: (stage: Stage) => void;

  constructor(record: AuditRecord, write: (stage: Stage) => void) {
    this.#record = record;
    this.#write = write;
  }

  get auditID(): string {
    return this.#record.auditID;
  }

  stage(stage: Exclude<Stage, 'RequestReceived'>, { code, status }: AuditedAnswer): void {
    this.#record.code = code;
    if (status !== undefined) this.#record.status = status;
    this.#write(stage);
  }

  annotate(key: string, value: string): void {
    this.#record.annotations[key] = value;
  }

  impersonated(user: User): void {
    this.#record.impersonatedUser = user;
  }

  requestObject(object: unknown): void {
    if (wantsRequestObject(this.#record.level)) this.#record.requestObject = object;
  }

  responseObject(object: unknown): void {
    if (wantsResponseObject(this.#record.level)) this.#record.responseObject = object;
  }
}

function recordOf(
  { request, receivedMs }: AuditedRequest,
  attributes: AuditRecord['attributes'],
  decided: Pick<AuditRecord, 'level' | 'omitManagedFields'>,
): AuditRecord {
  const { headers } = request;
  return {
    ...decided,
    auditID: auditIdOf(textOf(headers['audit-id'])),
    requestURI: request.url ?? '/',
    attributes,
    sourceIPs: sourceIps(request),
    userAgent: headers['user-agent'],
    receivedMs,
    annotations: {},
  };
}

function flatAttributes(attributes: Attributes, user: User): AuditRecord['attributes'] {
  const nothing = { namespace: '', apiGroup: '', apiVersion: '', resource: '', subresource: '' };
  if (attributes.kind === 'path') {
    const { verb, path } = attributes;
    return { ...nothing, user, verb, path, name: '', isResourceRequest: false };
  }
  const { verb, namespace, group, version, resource, subresource, name } = attributes;
  return {
    user,
    verb,
    isResourceRequest: true,
    namespace,
    apiGroup: group,
    apiVersion: version,
    resource,
    subresource,
    name,
    path: '',
  };
}

/** First whom proxies say they speak for, last who is on the line; each once. What proxies say is not proved. */
function sourceIps({ headers, socket }: IncomingMessage): readonly string[] {
  const said = [headers['x-forwarded-for'], headers['x-real-ip']].flatMap(
    (value) => textOf(value)?.split(',') ?? [],
  );
  const remote = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const all = [...said.map((ip) => ip.trim()), remote].filter((ip) => ip !== '');
  return [...new Set(all)];
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
