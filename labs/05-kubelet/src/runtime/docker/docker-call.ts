// DockerCall: every call to the engine, with its failures turned into RuntimeError.
//
// The code tells a caller what it may handle: gone, in conflict, engine away. Messages are the
// engine's own words, since they end up in events and container states that people read.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/libdocker (operation timeouts, error kinds).

import type Docker from 'dockerode';
import { RuntimeError } from '../runtime.ts';

/** @param handle may swallow an expected failure, by returning; it throws what it does not expect. */
export async function callEngine<T>(call: () => Promise<T>): Promise<T>;
export async function callEngine<T>(
  call: () => Promise<T>,
  handle: (error: RuntimeError) => void,
): Promise<T | undefined>;
export async function callEngine<T>(
  call: () => Promise<T>,
  handle?: (error: RuntimeError) => void,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const translated = translate(error);
    if (handle === undefined || !RuntimeError.is(translated)) throw translated;
    handle(translated);
    return undefined;
  }
}

/**
 * Creates a container under its fixed name. A leftover of the same name that never came to run (the kubelet
 * died between create and start) makes room; one that runs is a fault and stays.
 */
export async function createByName(
  docker: Docker,
  options: Docker.ContainerCreateOptions,
): Promise<Docker.Container> {
  const { name } = options;
  // Else all of it would be part of the address as well, which the engine refuses when it is long.
  const request: object = { _query: { name }, _body: options };
  try {
    return await docker.createContainer(request);
  } catch (error) {
    if (translate(error).message.includes('already in use') && name !== undefined) {
      const leftover = docker.getContainer(name);
      if ((await leftover.inspect()).State.Running) throw error;
      await leftover.remove({ v: true });
      return docker.createContainer(request);
    }
    throw error;
  }
}

/** For what is to be gone or ended: it is already, or whoever asked first gets it done ("removal in progress"). */
export function ignoreDone(error: RuntimeError): void {
  if (!RuntimeError.is(error, 'not-found') && !RuntimeError.is(error, 'conflict')) throw error;
}

function translate(error: unknown): Error {
  if (error instanceof RuntimeError) return error;
  const { statusCode, json, code, message, name } = error as {
    statusCode?: number;
    json?: { message?: string };
    code?: string;
    message: string;
    name?: string;
  };
  if (name === 'AbortError' || name === 'TimeoutError') return error as Error;
  if (statusCode === undefined) {
    const cause = code ?? message;
    return new RuntimeError('unavailable', `Cannot connect to the Docker daemon: ${cause}`, error);
  }
  // dockerode puts the status in front of what the engine said.
  const said = json?.message ?? message.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
  const text = `Error response from daemon: ${said}`;
  const kinds: Readonly<Record<number, RuntimeError['code']>> = {
    404: 'not-found',
    409: 'conflict',
  };
  return new RuntimeError(kinds[statusCode] ?? 'failed', text, error);
}
