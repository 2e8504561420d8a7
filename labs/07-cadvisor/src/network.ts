// Network: bytes, packets, errors and drops of every interface of a process's network, from /proc/<pid>/net/dev.
//
// The containers of a pod share the network of its sandbox, so it is read once a pod, through the sandbox's process.
// Same idea upstream: cadvisor, container/libcontainer/handler.go (scanInterfaceStats). Left out: TCP and UDP socket tables.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** Every interface but the loopback; empty when the process is gone. */
export function readNetwork(procRoot: string, pid: number): readonly InterfaceStats[] {
  try {
    return parseNetDev(readFileSync(join(procRoot, String(pid), 'net/dev'), 'latin1'));
  } catch {
    return [];
  }
}

export function parseNetDev(text: string): readonly InterfaceStats[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [name, counters] = line.trim().split(/:\s*/);
      if (name === undefined || counters === undefined || name === 'lo') return [];
      const at = counters.split(/\s+/).map(Number);
      const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = at;
      const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = at.slice(8);
      return [
        { name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped },
      ];
    });
}
