// webhook-client: where a webhook listens: at a URL, or behind a service of the cluster.
//
// Same rules upstream: apiserver, pkg/util/webhook/validation.go.

import { type FieldError, invalidValue, required } from './field-error.ts';
import { dns1123Subdomain, portNumberMessages } from './name-rules.ts';

const FORM = '; desired format: https://host[/path]';

export interface ServiceReference {
  readonly namespace?: string;
  readonly name?: string;
  readonly path?: string;
  readonly port?: number;
}

export function validateUrlOfClient(text: string, field: string): FieldError[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    const detail = `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI for request${FORM}`;
    return [required(field, detail)];
  }
  const scheme = url.protocol.replace(/:$/, '');
  const user = url.password === '' ? url.username : `${url.username}:${url.password}`;
  const refused: readonly (readonly [broken: boolean, value: string, detail: string])[] = [
    [scheme !== 'https', scheme, `'https' is the only allowed URL scheme${FORM}`],
    [url.host === '', url.host, `host must be specified${FORM}`],
    [user !== '', user, 'user information is not permitted in the URL'],
    [url.hash !== '', url.hash.slice(1), 'fragments are not permitted in the URL'],
    [url.search !== '', url.search.slice(1), 'query parameters are not permitted in the URL'],
  ];
  return refused.flatMap(([broken, value, detail]) =>
    broken ? [invalidValue(field, value, detail)] : [],
  );
}

export function validateServiceOfClient(service: ServiceReference, field: string): FieldError[] {
  const { name = '', namespace = '', port = 443, path } = service;
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(`${field}.name`, 'service name is required'));
  if (namespace === '') {
    errors.push(required(`${field}.namespace`, 'service namespace is required'));
  }
  const messages = portNumberMessages(port);
  if (messages.length > 0) {
    errors.push(invalidValue(`${field}.port`, port, `port is not valid: ${messages.join(',')}`));
  }
  return path === undefined ? errors : [...errors, ...validatePath(path, `${field}.path`)];
}

function validatePath(path: string, field: string): FieldError[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalidValue(field, path, 'segment[0] may not be empty')];
  const errors = path.startsWith('/') ? [] : [invalidValue(field, path, "must start with a '/'")];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  steps.forEach((step, index) => {
    if (step === '') {
      errors.push(invalidValue(field, path, `segment[${index}] may not be empty`));
      return;
    }
    for (const message of dns1123Subdomain(step)) {
      errors.push(invalidValue(field, path, `segment[${index}]: ${message}`));
    }
  });
  return errors;
}
