// Capabilities: what of root's power the machine lets its processes have at all. Pure.
//
// A machine may itself be a container, or be locked down: what its first process can never have no other can get, and
// the engine fails with the kernel's words when it tries. A privileged container needs all of them.
//
// Same list: linux/capability.h; there is no such check upstream, where the machine is taken to be whole.

/** In the kernel's order. */
const NAMES = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID'],
  ...['SETPCAP', 'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW'],
  ...['IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT'],
  ...['SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD'],
  ...['LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG'],
  ...['WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF', 'CHECKPOINT_RESTORE'],
];

/** @param processStatus /proc/1/status. A machine that does not tell is taken to have all. */
export function missingCapabilities(processStatus: string): readonly string[] {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(processStatus)?.[1];
  if (bounding === undefined) return [];
  const allowed = BigInt(`0x${bounding}`);
  return NAMES.filter((_, bit) => ((allowed >> BigInt(bit)) & 1n) === 0n);
}

/** Why the machine cannot run it; undefined when it can. */
export function capabilityProblem(
  container: {
    readonly name: string;
    readonly privileged: boolean;
    readonly add: readonly string[];
  },
  missing: readonly string[],
): string | undefined {
  const { name, privileged } = container;
  const add = container.add.map((capability) => capability.toUpperCase().replace(/^CAP_/, ''));
  const wantsAll = privileged || add.includes('ALL');
  const refused = missing.filter((capability) => wantsAll || add.includes(capability));
  if (refused.length === 0) return undefined;
  const list = refused.map((capability) => `CAP_${capability}`).join(', ');
  const what = privileged ? 'be privileged' : `have ${wantsAll ? 'all capabilities' : list}`;
  return `container ${name} asks to ${what}, but this machine lets no process have ${list}: run it on another node, or without`;
}
