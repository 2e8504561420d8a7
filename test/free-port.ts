// FreePort: a port for a process that a test starts, which must know it beforehand.
import { once } from 'node:events';
import { createServer } from 'node:net';

const [FIRST, END] = [10_000, 30_000];
/** What this process was given before, and may not listen on yet. */
const given = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that is nobody's at the moment, and not one of those that the kernel gives to outgoing connections: it takes
 * seconds until the process listens on it, and one that is killed shall find it free when it comes back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (END - FIRST));
    if (given.has(port)) continue;
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue; // Somebody's.
    }
    server.close();
    given.add(port);
    await once(server, 'close');
    return port;
  }
}
