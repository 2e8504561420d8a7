// Disk: what the log needs of a file system, small enough that a test can be a disk that is full.
import { open } from 'node:fs/promises';
import { StoreError } from './kv.ts';

export interface DiskFile {
  /** Writes all the bytes, or throws; then some of them may be there. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  datasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Opens a file for writing, and creates it if it is not there. */
  open(path: string): Promise<DiskFile>;
}

export const realDisk: Disk = {
  async open(path) {
    // Not 'a': appending would ignore positions. O_CREAT without O_TRUNC has no letter of its own.
    const create = await open(path, 'a', 0o600);
    await create.close();
    const file = await open(path, 'r+');
    return {
      write: async (bytes, position) => {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await file.write(
            bytes,
            done,
            bytes.length - done,
            position + done,
          );
          done += bytesWritten;
        }
      },
      datasync: () => file.datasync(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    };
  },
};

/** Makes new, renamed and removed names in a directory durable: a file's own sync does not do that. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A full disk is the user's to repair; about anything else nobody knows what was written. */
export function diskError(error: unknown, what: string): StoreError {
  const { code, message } = error as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return isFull
    ? new StoreError('no-space', 'etcdserver: mvcc: database space exceeded', { cause: error })
    : new StoreError('unavailable', `cannot ${what}: ${message}`, { cause: error });
}
