// Lock: one process at a time may have a data directory open.
//
// A file with a process id would outlive its process, and in a container the next process has the same
// id: after a crash nobody could tell a living owner from a dead one. So the kernel keeps the lock: on
// Linux we listen on an abstract socket named after the directory's device and inode. It has no file, only
// one process can have it, and it goes with the process, however that ends.
// Left out: two containers with networks of their own that share one directory (abstract sockets
// belong to a network). Elsewhere than on Linux a socket file is used, and one left by a crash is taken over.
// Upstream: etcd locks its files with flock, which Node does not offer.
import { rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from './kv.ts';

export interface Lock {
  release(): Promise<void>;
}

export async function lockDirectory(path: string): Promise<Lock> {
  const { dev, ino } = await stat(path);
  const name = `kube-labs-store-${dev}-${ino}`;
  const address = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
  if (process.platform !== 'linux' && !(await isAnswered(address)))
    await rm(address, { force: true });
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, address);
  } catch (error) {
    const text = `cannot open ${path}: another process has this store open`;
    throw new StoreError('unavailable', text, { cause: error });
  }
  // The lock alone is no reason to keep the process alive.
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
}

function isAnswered(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
