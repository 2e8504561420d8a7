// ProcessStats: processor and memory of the processes that are the components, by pidusage.
//
// The components of a cluster are not all in containers of their own (kubelet and proxy share one), so they are measured as processes.
// Left out: children of a process, file descriptors.
import pidusage from 'pidusage';

export interface ProcessStats {
  readonly pid: number;
  /** Processors in use: 1 is one whole processor. */
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly elapsedMs: number;
}

/** Figures of the processes that are still there. */
export async function readProcesses(pids: readonly number[]): Promise<readonly ProcessStats[]> {
  const figures = await Promise.all(pids.map((pid) => pidusage(pid).catch(() => undefined)));
  return figures.flatMap((figure) =>
    figure === undefined
      ? []
      : [
          {
            pid: figure.pid,
            cpuCores: figure.cpu / 100,
            memoryBytes: figure.memory,
            elapsedMs: figure.elapsed,
          },
        ],
  );
}
