// FaultDisk: the real disk, but it can be full, fail, or wait, and it counts.
import { type Disk, type DiskFile, realDisk } from '#src/disk.ts';

export class FaultDisk implements Disk {
  /** Bytes that still fit; a write that does not fit writes what does, and fails. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** When set, every sync fails with this error code. */
  syncError: string | undefined;
  /** When set, truncating fails: the file cannot be repaired. */
  truncateError: string | undefined;
  writes = 0;
  syncs = 0;
  /** Writes that did not fit; after so many there is room again. */
  refusals = 0;
  refusalsMax = Number.POSITIVE_INFINITY;
  /** Awaited before each write to a file whose path matches. */
  gate: { pattern: RegExp; opened: Promise<void> } | undefined;

  async open(path: string): Promise<DiskFile> {
    const file = await realDisk.open(path);
    return {
      write: async (bytes, position) => {
        this.writes++;
        if (this.gate?.pattern.test(path)) await this.gate.opened;
        const fits = Math.min(bytes.length, this.freeBytes);
        await file.write(bytes.subarray(0, fits), position);
        this.freeBytes -= fits;
        if (fits === bytes.length) return;
        this.refusals++;
        if (this.refusals === this.refusalsMax) this.freeBytes = Number.POSITIVE_INFINITY;
        throw errorOf('ENOSPC', 'no space left on device');
      },
      datasync: async () => {
        this.syncs++;
        if (this.syncError !== undefined) throw errorOf(this.syncError, 'the sync failed');
        await file.datasync();
      },
      truncate: async (size) => {
        if (this.truncateError !== undefined) throw errorOf(this.truncateError, 'cannot truncate');
        await file.truncate(size);
      },
      close: () => file.close(),
    };
  }
}

function errorOf(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
