// DockerLogs: what a container wrote, stdout and stderr as they came, read from the engine as a stream.
//
// Nothing is held back: a log of gigabytes goes through in pieces, and a reader who stops ends the request.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_legacy_service.go (GetContainerLogs).
// Left out here: entries that the engine repeats where the log of a terminal goes on in a new file.

import type Docker from 'dockerode';
import { type LogOptions, type RuntimeContainer, RuntimeError } from '../runtime.ts';
import { callEngine } from './docker-call.ts';
import { DockerLogEntries } from './docker-log-entries.ts';
import { FrameDecoder } from './docker-stream.ts';

export async function* readLogs(
  docker: Docker,
  container: RuntimeContainer,
  options: LogOptions & { signal: AbortSignal },
): AsyncIterable<Buffer> {
  const stream = await callEngine(() => openLogs(docker, container, options));
  const decoder = new FrameDecoder();
  const entries = options.follow ? new DockerLogEntries(options) : undefined;
  try {
    for await (const chunk of stream) {
      if (container.tty) yield chunk as Buffer;
      else {
        for (const frame of decoder.push(chunk as Buffer)) {
          const output = entries === undefined ? frame.payload : entries.take(frame);
          if (output !== undefined) yield output;
        }
      }
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

/** dockerode would collect a log that is not followed in memory, so the request is made by its modem. */
function openLogs(
  docker: Docker,
  { id, tty }: RuntimeContainer,
  options: LogOptions & { signal: AbortSignal },
): Promise<NodeJS.ReadableStream> {
  const query = {
    stdout: true,
    stderr: true,
    follow: options.follow,
    // By its time an entry is known that comes twice.
    timestamps: options.timestamps || (options.follow && !tty),
    ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
    ...(options.sinceMs === undefined ? {} : { since: (options.sinceMs / 1_000).toFixed(3) }),
  };
  const request = {
    path: `/containers/${id}/logs?`,
    method: 'GET',
    isStream: true,
    abortSignal: options.signal,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options: query,
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error: unknown, stream: unknown) => {
      if (error !== null) return reject(error);
      if (stream === null) return reject(new RuntimeError('failed', 'No log stream'));
      resolve(stream as NodeJS.ReadableStream);
    });
  });
}
