// DockerExec: a command inside a running container, through the engine's exec API.
//
// The engine gives one hijacked socket: what is written is stdin (half-closing it is end of file), what
// comes back is framed output, or raw with a terminal. It cannot end a command, so kill() signals
// its process directly; the kubelet shares the engine's pid namespace.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/exec.go.
// Left out here: detached commands.

import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { FrameDecoder } from './docker-stream.ts';
import type { ExecOptions, ExecResult, ExecSession } from './runtime.ts';

/** Probes and hooks show this much of a command's output. */
const OUTPUT_BYTES_MAX = 10 * 1024;
const EXIT_CODE_POLL_MS = 10;
const EXIT_CODE_POLLS_MAX = 200;

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
      await ended;
      return exitCodeOf(exec);
    },
    kill: async () => {
      const { Pid, Running } = await exec.inspect();
      if (Running && Pid > 0) killProcess(Pid);
      socket.destroy();
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
  options: { command: readonly string[]; timeoutMs: number },
): Promise<ExecResult> {
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
  const timer = new AbortController();
  try {
    const timeout = delay(options.timeoutMs, undefined, { signal: timer.signal }).catch(() => {});
    const exitCode = await Promise.race([session.wait(), timeout]);
    if (exitCode === undefined) {
      await session.kill();
      return { kind: 'timeout' };
    }
    return { kind: 'exited', exitCode, output: Buffer.concat(output).toString() };
  } finally {
    timer.abort();
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

function endOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    socket.once('end', resolve);
    socket.once('close', resolve);
    // A cut connection ends the session like an end does; the exit code tells the rest.
    socket.on('error', () => resolve());
  });
}

/** The stream may end a moment before the engine has noted the exit. */
async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  for (let poll = 0; poll < EXIT_CODE_POLLS_MAX; poll++) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await delay(EXIT_CODE_POLL_MS);
  }
  return 0;
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile, or lives in a pid namespace that this kubelet cannot see.
  }
}
