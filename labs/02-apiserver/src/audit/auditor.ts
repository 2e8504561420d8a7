// Auditor: who is told what happens to each request, for the audit log.
//
// The filter begins an entry for every request that has a user (and for every one that was refused for want of one), and says when each
// stage is reached. An entry is optional: a policy may want nothing of a request. Whoever learns more on the way (who is impersonated,
// why it is allowed, which objects were sent) adds it to `exchange.audit`.
//
// Rules of use: nothing here throws or waits; a request never fails because its audit entry did.
// Same idea upstream: apiserver, audit/types.go and endpoints/filters/audit.go.

import type { IncomingMessage } from 'node:http';
import type { User } from '../auth/user.ts';
import type { Attributes } from '../authz/authorizer.ts';
import type { Stage } from './policy.ts';

export interface AuditedRequest {
  readonly request: IncomingMessage;
  readonly attributes: Attributes;
  readonly user: User;
  /** Since 1970, with fractions. */
  readonly receivedMs: number;
}

/** How an answer is known to the log: its code, and the Status when it is one. */
export interface AuditedAnswer {
  readonly code: number;
  readonly status?: {
    readonly status?: string;
    readonly message?: string;
    readonly reason?: string;
  };
}

export interface AuditEntry {
  /** Sent to the client as Audit-ID. */
  readonly auditID: string;
  stage(stage: Exclude<Stage, 'RequestReceived'>, answer: AuditedAnswer): void;
  annotate(key: string, value: string): void;
  impersonated(user: User): void;
  /** The body as it was decoded, and the object of the answer; kept only as far as the policy wants them. */
  requestObject(object: unknown): void;
  responseObject(object: unknown): void;
}

export interface Auditor {
  /** Writes RequestReceived; undefined when nothing of this request is to be written down. */
  begin(request: AuditedRequest): AuditEntry | undefined;
  /** Resolves when everything is written; the server calls it last of all. */
  close?(): Promise<void>;
}
