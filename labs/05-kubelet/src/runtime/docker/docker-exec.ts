// DockerExec: a command inside a running container, through the engine's exec API.
//
// The engine gives one hijacked socket: what is written is stdin (half-closing it is end of file), what
// comes back is framed output, or raw with a terminal. It cannot end a command, so kill() signals its
// process group directly (the engine starts each command as the leader of one); the kubelet shares the engine's pid namespace.
//
// The output may end long before the command does, which can close or redirect it: the exit code is
// waited for as long as the engine says that the command runs, and never guessed.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/exec.go.
// Left out here: detached commands.

import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import {
  type ExecLimits,
  type ExecOptions,
  type ExecResult,
  type ExecSession,
  RuntimeError,
} from '../runtime.ts';
import { killCommand } from './docker-kill.ts';
import { FrameDecoder } from './docker-stream.ts';

/** Probes and hooks show this much of a command's output. */
const OUTPUT_BYTES_MAX = 10 * 1024;
/** No command without a time limit runs longer than this; Node's timers end here. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const EXIT_CODE_POLL_MIN_MS = 10;
const EXIT_CODE_POLL_MAX_MS = 1_000;
/** How long a command that has ended may be without an exit code. */
const EXIT_CODE_MISSING_MAX_MS = 2_000;

export async function startExec(
  docker: Docker,
  containerId: string,
  options: ExecOptions,
): Promise<ExecSession> {
  const exec = await docker.getContainer(containerId).exec({
    Cmd: [...options.command],
    AttachStdin: options.stdin,
    AttachStdout: options.stdout,
    AttachStderr: options.stderr,
    Tty: options.tty,
  });
  const socket = await exec.start({ hijack: true, stdin: true, Tty: options.tty });
  const ended = endOf(socket);
  return {
    socket,
    onOutput: (stdout, stderr) => deliverOutput(socket, options.tty, stdout, stderr),
    resize: async ({ width, height }) => {
      await exec.resize({ w: width, h: height });
    },
    wait: async () => {
      return exitCodeOf(exec, await ended);
    },
    kill: async () => {
      try {
        await killCommand(exec);
      } finally {
        socket.destroy();
      }
    },
  };
}

/** The socket of a container's own main process. */
export async function attachTo(
  docker: Docker,
  containerId: string,
  options: Omit<ExecOptions, 'command'>,
): Promise<ExecSession> {
  const container = docker.getContainer(containerId);
  const socket = (await container.attach({
    hijack: true,
    stream: true,
    stdin: options.stdin,
    stdout: options.stdout,
    stderr: options.stderr,
  })) as Duplex;
  const ended = endOf(socket);
  return {
    socket,
    onOutput: (stdout, stderr) => deliverOutput(socket, options.tty, stdout, stderr),
    resize: async ({ width, height }) => {
      await container.resize({ w: width, h: height });
    },
    wait: async () => {
      await ended;
      const { State } = await container.inspect();
      return State.Running ? 0 : State.ExitCode;
    },
    kill: async () => {
      socket.destroy();
    },
  };
}

/** Runs a command to its end and collects what it wrote, as probes and hooks need it. */
export async function execSync(
  docker: Docker,
  containerId: string,
  options: { readonly command: readonly string[] } & ExecLimits,
): Promise<ExecResult> {
  options.signal.throwIfAborted();
  const session = await startExec(docker, containerId, {
    command: options.command,
    stdin: false,
    stdout: true,
    stderr: true,
    tty: false,
  });
  const output: Buffer[] = [];
  let sizeBytes = 0;
  const collect = (chunk: Buffer) => {
    if (sizeBytes < OUTPUT_BYTES_MAX) output.push(chunk.subarray(0, OUTPUT_BYTES_MAX - sizeBytes));
    sizeBytes += chunk.length;
  };
  session.onOutput(collect, collect);
  const exitCode = await withinLimits(session.wait(), options);
  if (exitCode !== undefined)
    return { kind: 'exited', exitCode, output: Buffer.concat(output).toString() };
  await session.kill();
  options.signal.throwIfAborted();
  return { kind: 'timeout' };
}

/** Resolves with undefined when the time is over, or the signal is aborted. */
async function withinLimits<T>(
  work: Promise<T>,
  { timeoutMs, signal }: ExecLimits,
): Promise<T | undefined> {
  const done = new AbortController();
  const end = AbortSignal.any([signal, done.signal]);
  const longest = timeoutMs ?? LONGEST_TIMER_MS;
  const limit = delay(longest, undefined, { signal: end }).catch(() => undefined);
  try {
    return await Promise.race([work, limit]);
  } finally {
    // Nobody waits for it any more, however it ends.
    work.catch(() => {});
    done.abort();
  }
}

function deliverOutput(
  socket: Duplex,
  tty: boolean,
  stdout: (chunk: Buffer) => void,
  stderr: (chunk: Buffer) => void,
): void {
  const decoder = new FrameDecoder();
  socket.on('data', (chunk: Buffer) => {
    if (tty) return stdout(chunk);
    for (const frame of decoder.push(chunk)) {
      (frame.stream === 'stdout' ? stdout : stderr)(frame.payload);
    }
  });
}

type StreamEnd = 'ended' | 'cut';

function endOf(socket: Duplex): Promise<StreamEnd> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('ended'));
    socket.once('close', () => resolve('cut'));
    // A cut connection ends the session like an end does; the exit code tells the rest.
    socket.on('error', () => resolve('cut'));
  });
}

/**
 * The stream may end a moment before the engine has noted the exit, or long before the command ends. When it was cut,
 * nobody may be left who wants to know, so there is no long wait.
 */
async function exitCodeOf(exec: Docker.Exec, end: StreamEnd): Promise<number> {
  let pauseMs = EXIT_CODE_POLL_MIN_MS;
  let missingMs = 0;
  while (missingMs < EXIT_CODE_MISSING_MAX_MS) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    if (!Running || end === 'cut') missingMs += pauseMs;
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 2, EXIT_CODE_POLL_MAX_MS);
  }
  throw new RuntimeError(
    'failed',
    `Cannot tell the exit code of exec ${exec.id}: its connection is lost, or the engine has none`,
  );
}
