// component-statuses: what the server says when it is asked how the other parts of the control plane are.
//
// Nothing of it is stored: each request goes and looks. The kind is deprecated, because the parts need not run beside the server;
// kubectl still asks for it, and is told so in a warning.
//
// Same idea upstream: registry/core/componentstatus/rest.go, registry/core/rest/storage_core.go (componentStatusStorage).

import { request } from 'node:https';
import type { ComponentStatus } from 'kubernetes-types/core/v1';
import { methodNotAllowed, notFound } from '../api-error.ts';
import { tableOf } from '../printers/table.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { HandlerEnv } from './handler.ts';
import { negotiated, type RequestContext } from './request-context.ts';
import { send } from './responses.ts';
import { addWarnings } from './warnings.ts';

/** Where the parts answer by default, on the server's own machine. */
const COMPONENTS = [
  { name: 'controller-manager', port: 10_257 },
  { name: 'scheduler', port: 10_259 },
] as const;
const STORE = 'etcd-0';
const DEPRECATED = 'v1 ComponentStatus is deprecated in v1.19+';
const TIMEOUT_MS = 5000;
const PLURAL = { group: '', resource: 'componentstatuses' };

export async function componentStatusesResource(
  context: RequestContext,
  env: HandlerEnv,
): Promise<void> {
  const { info, response } = context;
  addWarnings(response, [DEPRECATED]);
  if (context.request.method !== 'GET' && context.request.method !== 'HEAD') {
    throw methodNotAllowed(PLURAL, context.request.method ?? '');
  }
  const names = [...COMPONENTS.map(({ name }) => name), STORE];
  const { name } = info;
  if (name !== undefined && !names.includes(name)) throw notFound(PLURAL, name);
  const wanted = name === undefined ? names : [name];
  const items = await Promise.all(wanted.map((one) => statusOf(one, env)));
  await sendStatuses(context, items, name === undefined);
}

async function sendStatuses(
  context: RequestContext,
  items: readonly ComponentStatus[],
  isList: boolean,
): Promise<void> {
  const { served, now, query } = context;
  const shape = negotiated(context);
  const objects = items as readonly ReadonlyApiObject[];
  const metadata = { resourceVersion: '' };
  if (shape.shape === 'table') {
    const includeObject = query.get('includeObject') === 'Object' ? 'Object' : 'Metadata';
    const { metaVersion } = shape;
    const options = { printer: served.printer, metaVersion, includeObject, metadata } as const;
    const body = tableOf(objects, { ...options, nowMs: now() });
    await send(context.request, context.response, { body, encoding: shape.encoding });
    return;
  }
  const list = { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items };
  const body = isList ? list : (items[0] ?? list);
  await send(context.request, context.response, { body, encoding: shape.encoding });
}

async function statusOf(name: string, { store }: HandlerEnv): Promise<ComponentStatus> {
  const component = COMPONENTS.find((one) => one.name === name);
  const problem =
    component === undefined
      ? await problemOf(() => store.status())
      : await problemOf(() => healthz(component.port));
  const condition =
    problem === undefined
      ? { type: 'Healthy', status: 'True', message: 'ok' }
      : { type: 'Healthy', status: 'False', message: problem };
  return { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions: [condition] };
}

async function problemOf(probe: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await probe();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The parts' certificates are their own; only whether they answer counts. */
function healthz(port: number): Promise<void> {
  const url = `https://127.0.0.1:${port}/healthz`;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`Get "${url}": ${why}`));
    const outgoing = request(url, { rejectUnauthorized: false, timeout: TIMEOUT_MS, agent: false });
    outgoing.on('timeout', () => outgoing.destroy(new Error('context deadline exceeded')));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const refused = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
      fail(error.code === 'ECONNREFUSED' ? refused : error.message);
    });
    outgoing.on('response', (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else fail(`unexpected status ${answer.statusCode}`);
    });
    outgoing.end();
  });
}
