// Docker: the few things that the launcher asks the engine, with errors that a person can act on.
//
// Everything goes through the Engine API (dockerode); no docker command is needed. DOCKER_HOST is respected.
//
// Invariants: whatever ends a container or removes something is safe to repeat: "not there" and "already so"
// count as done. A one-shot container is removed however it ended.

import { PassThrough } from 'node:stream';
import Docker, { type Container, type ContainerCreateOptions, type ContainerInfo } from 'dockerode';
import { ClusterError, messageOf } from './cluster-error.ts';
import { clusterLabel } from './container-spec.ts';
import { nodeImage } from './image-names.ts';

export interface CommandResult {
  readonly exitCode: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** The engine, after it has answered once. */
export async function connectDocker(): Promise<Docker> {
  const docker = new Docker();
  try {
    await docker.ping();
  } catch (error) {
    throw new ClusterError(unreachable(error), { cause: error });
  }
  return docker;
}

function unreachable(error: unknown): string {
  const where = process.env.DOCKER_HOST ?? '/var/run/docker.sock';
  if (hasCode(error, 'EACCES')) {
    return `Docker at ${where} refuses you: add yourself to its group (sudo usermod -aG docker $USER, then log in again) or run this as root`;
  }
  return `Docker does not answer at ${where}: start it, or run \`node setup.mjs\` as root on Debian or Ubuntu to install it, or see https://docs.docker.com/engine/install`;
}

/** The engine's socket on its own host, for containers that need it. */
export function engineSocket(): string {
  const host = process.env.DOCKER_HOST ?? '';
  // Docker Desktop shows its user a socket elsewhere, but mounts the usual path into containers.
  if (process.platform === 'linux' && host.startsWith('unix://')) return host.slice(7);
  return '/var/run/docker.sock';
}

/** All containers of a cluster, its pods' included, running or not. */
export function listContainers(docker: Docker, cluster: string): Promise<ContainerInfo[]> {
  const filters = { label: [`${clusterLabel}=${cluster}`] };
  return docker.listContainers({ all: true, filters });
}

/** Runs a command in a running container. */
export async function execIn(
  docker: Docker,
  container: string,
  command: readonly string[],
): Promise<CommandResult> {
  const exec = await docker
    .getContainer(container)
    .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const output = await collect(docker, stream);
  const { ExitCode } = await exec.inspect();
  return { exitCode: ExitCode ?? -1, output };
}

/** Runs a command in a container of its own, which is gone afterwards. */
export async function runOnce(
  docker: Docker,
  command: readonly string[],
  spec: ContainerCreateOptions,
): Promise<CommandResult> {
  const container = await docker.createContainer({ Image: nodeImage, Cmd: [...command], ...spec });
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const output = collect(docker, stream);
    await container.start();
    const { StatusCode } = await container.wait();
    return { exitCode: StatusCode, output: await output };
  } finally {
    await removeContainer(container);
  }
}

async function collect(docker: Docker, stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => chunks.push(chunk));
  docker.modem.demuxStream(stream, sink, sink);
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', reject);
  });
  return Buffer.concat(chunks).toString();
}

export async function removeContainer(container: Container): Promise<void> {
  await done(container.remove({ force: true, v: true }));
}

export async function killContainer(container: Container): Promise<void> {
  await done(container.kill({ signal: 'SIGKILL' }));
}

/**
 * Waits for a change and forgives the answers that say it is not needed: 304 (already so), 404 (not there),
 * 409 (not running, or being removed by somebody else).
 */
export async function done(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (![304, 404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

/** The HTTP status of an error that the engine answered with. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return Number(error.statusCode);
}

export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404;
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

/** Turns the engine's own errors into a sentence with a way out. */
export function explainDockerError(error: unknown): ClusterError | undefined {
  const message = messageOf(error);
  if (ClusterError.is(error)) return error;
  if (/no space left on device/i.test(message)) {
    return new ClusterError(
      'The disk that Docker uses is full: free some of it, for example with `docker system prune`, and try again',
      { cause: error },
    );
  }
  if (/port is already allocated|address already in use/i.test(message)) {
    return new ClusterError(
      `Docker could not publish the API server's port: another program took it meanwhile; choose another one with --api-port (${message})`,
      { cause: error },
    );
  }
  if (/Pool overlaps/i.test(message)) {
    return new ClusterError(
      `Docker says that the node subnet overlaps another network: choose another one with --node-subnet (${message})`,
      { cause: error },
    );
  }
  const status = statusOf(error);
  return status === undefined
    ? undefined
    : new ClusterError(`Docker refused: ${message}`, { cause: error });
}
