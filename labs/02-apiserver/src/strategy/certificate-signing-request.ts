// certificate-signing-request: the strategy of requests for certificates.
//
// Three hands write to one object, each only its own part: who asks writes the spec, once; who decides writes the conditions
// Approved and Denied, through the subresource approval; who signs writes the certificate and other conditions, through status.
// Who asked is what the server knows of the user, never what the object says.
//
// Same rules upstream: pkg/registry/certificates/certificates/strategy.go, pkg/apis/certificates/validation.

import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from 'kubernetes-types/certificates/v1';
import { certificateProblem, requestProblem } from './certificate-request.ts';
import { validateSignerName } from './domain-rules.ts';
import { sameValue } from './equality.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from './field-error.ts';
import { pathSegment } from './name-rules.ts';
import { defineStrategy, keep, type Strategy, type WriteFacts } from './strategy.ts';

type Request = CertificateSigningRequest;

const EXPIRATION_MIN_SECONDS = 600;
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const STATUSES = ['False', 'True', 'Unknown'];
const DECISIONS = ['Approved', 'Denied'] as const;
/** Once true they stay. */
const FINAL = ['Approved', 'Denied', 'Failed'] as const;
const CONDITIONS = 'status.conditions';
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

export const certificateSigningRequestStrategy: Strategy = requestStrategy('certificate');

/** For updates through the subresource approval: only the conditions are taken over. */
export const certificateApprovalStrategy: Strategy = requestStrategy('decision');

function requestStrategy(may: 'certificate' | 'decision'): Strategy {
  return defineStrategy<Request>({
    metadata: { name: pathSegment, namespaced: false },
    hasGeneration: false,
    prepareForCreate: setRequester,
    prepareForUpdate(request, old) {
      keep(request, old, 'spec');
    },
    prepareForStatusUpdate(request, old, facts) {
      if (may === 'decision') keepAllButConditions(request, old);
      else keepDecisions(request, old);
      if (facts !== undefined) stampConditions(request, old, facts.now);
    },
    validate: (request) => validateRequest(request),
    validateOnUpdate: (request, old) => validateUpdate(request, old, 'nothing'),
    validateStatus: (request, old) => validateUpdate(request, old, may),
  });
}

/** Who asks is what the signer goes by, so nobody can say it for himself. */
function setRequester(request: Request, facts?: WriteFacts): void {
  const {
    username: _name,
    uid: _uid,
    groups: _groups,
    extra: _extra,
    ...spec
  } = request.spec ?? {};
  const { name, uid, groups = [], extra = {} } = facts?.user ?? {};
  Object.assign(request, {
    spec: {
      ...spec,
      ...(name === undefined ? {} : { username: name }),
      ...(uid === undefined ? {} : { uid }),
      ...(groups.length === 0 ? {} : { groups }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    },
  });
}

function keepAllButConditions(request: Request, old: Request): void {
  const { conditions } = request.status ?? {};
  const { conditions: _, ...rest } = old.status ?? {};
  Object.assign(request, { status: conditions === undefined ? rest : { ...rest, conditions } });
}

/** Whoever signs read the decisions some time ago; they stand as they are now. */
function keepDecisions(request: Request, old: Request): void {
  const isDecision = ({ type }: CertificateSigningRequestCondition): boolean =>
    (DECISIONS as readonly string[]).includes(type);
  const sent = request.status?.conditions ?? [];
  const decisions = (old.status?.conditions ?? []).filter(isDecision);
  const added = sent.filter(
    (condition) => isDecision(condition) && !decisions.some(({ type }) => type === condition.type),
  );
  const conditions = [...decisions, ...added, ...sent.filter((one) => !isDecision(one))];
  if (conditions.length === 0) return;
  Object.assign(request, { status: { ...request.status, conditions } });
}

function stampConditions(request: Request, old: Request, now: string): void {
  const { conditions } = request.status ?? {};
  if (conditions === undefined) return;
  const stamped = conditions.map((condition) => {
    const before = old.status?.conditions?.find(
      ({ type, status }) => type === condition.type && status === condition.status,
    );
    return {
      ...condition,
      lastTransitionTime: condition.lastTransitionTime ?? before?.lastTransitionTime ?? now,
      lastUpdateTime: condition.lastUpdateTime ?? now,
    };
  });
  Object.assign(request, { status: { ...request.status, conditions: stamped } });
}

function validateRequest(request: Request): FieldError[] {
  const { spec, status } = request;
  const { usages = [], signerName = '', expirationSeconds: seconds } = spec ?? {};
  const errors: FieldError[] = [];
  const problem = requestProblem(spec?.request ?? '');
  if (problem !== undefined)
    errors.push(invalidValue('spec.request', spec?.request ?? '', problem));
  if (usages.length === 0) errors.push(required('spec.usages'));
  usages.forEach((usage, index) => {
    const at = `spec.usages[${index}]`;
    if (!USAGES.includes(usage)) errors.push(notSupported(at, usage, USAGES));
    if (usages.indexOf(usage) < index) errors.push(duplicate(at, usage));
  });
  if (signerName === LEGACY_SIGNER) {
    const detail = 'the legacy signerName is not allowed via this API version';
    errors.push(invalidValue('spec.signerName', signerName, detail));
  } else errors.push(...validateSignerName(signerName, 'spec.signerName'));
  if (seconds !== undefined && seconds < EXPIRATION_MIN_SECONDS) {
    const detail = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalidValue('spec.expirationSeconds', seconds, detail));
  }
  return [...errors, ...validateConditions(status?.conditions ?? [])];
}

function validateConditions(
  conditions: readonly CertificateSigningRequestCondition[],
): FieldError[] {
  const seen = new Set<string>();
  return conditions.flatMap(({ type = '', status = '' }, index) => {
    const at = `${CONDITIONS}[${index}]`;
    const valid = (FINAL as readonly string[]).includes(type) ? ['True'] : STATUSES;
    const errors = type === '' ? [required(`${at}.type`)] : [];
    if (status === '') errors.push(required(`${at}.status`));
    else if (!valid.includes(status)) errors.push(notSupported(`${at}.status`, status, valid));
    const other = DECISIONS.find((decision) => decision !== type);
    const isDecision = (DECISIONS as readonly string[]).includes(type);
    if (isDecision && other !== undefined && seen.has(other)) {
      const detail = 'Approved and Denied conditions are mutually exclusive';
      errors.push(invalidValue(`${at}.type`, type, detail));
    }
    if (seen.has(type)) errors.push(duplicate(`${at}.type`, type));
    seen.add(type);
    return errors;
  });
}

function validateUpdate(
  request: Request,
  old: Request,
  may: 'nothing' | 'certificate' | 'decision',
): FieldError[] {
  const ofType = ({ status }: Request, type: string): CertificateSigningRequestCondition[] =>
    (status?.conditions ?? []).filter((condition) => condition.type === type);
  const errors = validateRequest(request);
  for (const type of FINAL) {
    if (ofType(request, type).length < ofType(old, type).length) {
      const detail = `updates may not remove a condition of type "${type}"`;
      errors.push(forbiddenField(CONDITIONS, detail));
    }
  }
  for (const type of may === 'decision' ? [] : DECISIONS) {
    const next = ofType(request, type);
    const before = ofType(old, type);
    if (next.length === before.length && sameValue(next, before)) continue;
    if (next.length < before.length) continue;
    const verb = next.length > before.length ? 'add' : 'modify';
    const detail = `updates may not ${verb} a condition of type "${type}"`;
    errors.push(forbiddenField(CONDITIONS, detail));
  }
  return [...errors, ...validateCertificate(request, old, may === 'certificate')];
}

function validateCertificate(request: Request, old: Request, mayIssue: boolean): FieldError[] {
  const field = 'status.certificate';
  const next = request.status?.certificate ?? '';
  const before = old.status?.certificate ?? '';
  if (next === before) return [];
  if (!mayIssue) return [forbiddenField(field, 'updates may not set certificate content')];
  if (before !== '') {
    return [forbiddenField(field, 'updates may not modify existing certificate content')];
  }
  const problem = certificateProblem(next);
  return problem === undefined ? [] : [invalidValue(field, '<certificate data>', problem)];
}
