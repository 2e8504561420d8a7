// ContainerLogs: GET /containerLogs/NAMESPACE/POD/CONTAINER, the answer to `kubectl logs`.
//
// Plain text, both streams as they were written. With follow it goes on until the container ends or the reader leaves;
// a slow reader slows down the reading, not the container.
//
// Same idea upstream: getContainerLogs in kubernetes, pkg/kubelet/server/server.go, and validateContainerLogStatus.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1';
import type { LogOptions, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { HttpError } from './http-error.ts';

export interface LogQuery extends LogOptions {
  readonly previous: boolean;
  readonly limitBytes?: number;
}

export function parseLogQuery(query: URLSearchParams, nowMs: number): LogQuery {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) {
      throw new HttpError(400, `Invalid ${name}: ${text}: must be a non-negative integer`);
    }
    return value;
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const sinceMs =
    sinceSeconds !== undefined
      ? nowMs - sinceSeconds * 1_000
      : sinceTime
        ? Date.parse(sinceTime)
        : undefined;
  if (Number.isNaN(sinceMs)) {
    throw new HttpError(400, `Invalid sinceTime: ${sinceTime}: must be a time as in RFC 3339`);
  }
  const tailLines = number('tailLines');
  const limitBytes = number('limitBytes');
  return {
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    previous: query.get('previous') === 'true',
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
}

/** Which container's log is meant: this one, or the one before it. */
export function chooseContainer(
  records: readonly RuntimeContainer[],
  target: {
    readonly pod: Pod;
    readonly name: string;
    readonly status: ContainerStatus | undefined;
  },
  previous: boolean,
): RuntimeContainer {
  const { pod, name, status } = target;
  const where = `container "${name}" in pod "${pod.metadata?.name}"`;
  const [newest] = records;
  if (previous) {
    const id = status?.lastState?.terminated?.containerID?.replace('docker://', '');
    const found = records.find((record) => record.id === id);
    if (found === undefined) {
      throw new HttpError(400, `previous terminated ${where} not found`);
    }
    return found;
  }
  if (newest === undefined || newest.status.state === 'created') {
    const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
    throw new HttpError(400, `${where} is waiting to start: ${waitText(reason, status)}`);
  }
  return newest;
}

export async function streamLogs(
  runtime: Runtime,
  container: RuntimeContainer,
  options: { readonly query: LogQuery; readonly response: ServerResponse },
): Promise<void> {
  const { query, response } = options;
  const left = new AbortController();
  response.once('close', () => left.abort());
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.flushHeaders();
  let budgetBytes = query.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const chunk of runtime.logs(container, query, left.signal)) {
    const piece = chunk.length > budgetBytes ? chunk.subarray(0, budgetBytes) : chunk;
    budgetBytes -= piece.length;
    if (!response.write(piece)) {
      await once(response, 'drain', { signal: left.signal }).catch(() => {});
    }
    if (budgetBytes <= 0 || left.signal.aborted) break;
  }
  response.end();
  left.abort();
}

/** Of an image that cannot be had, people want to see why. */
function waitText(reason: string, status: ContainerStatus | undefined): string {
  const isPull = reason === 'ErrImagePull' || reason === 'ImagePullBackOff';
  return isPull ? `trying and failing to pull image (${status?.image})` : reason;
}
